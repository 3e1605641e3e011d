namespace ControlPlane.Billing.Payments;

public enum ReceivedEvent
{
    /// <summary>Stored, now or before.</summary>
    Stored,
    /// <summary>Not signed by the provider, or not an event.</summary>
    Invalid,
    NoProvider,
}

/// <summary>The inbox: stores what a provider notifies, once, before it is answered. The job <c>payments</c> applies it.</summary>
public sealed class ReceiveProviderEvent(ControlDatabase database, Clock clock, PaymentProviders providers)
{
    public async Task<ReceivedEvent> RunAsync(string providerName, ReadOnlyMemory<byte> body, string? signature, CancellationToken ct)
    {
        if (providers.Find(providerName) is not { } provider)
        {
            return ReceivedEvent.NoProvider;
        }

        // Senders sign with the real time, or in a sandbox with its clock.
        var notice = provider.ReadEvent(body, signature, clock.Wall) ?? (clock.IsFrozen ? provider.ReadEvent(body, signature, clock.GetUtcNow()) : null);
        if (notice is null)
        {
            return ReceivedEvent.Invalid;
        }

        await using var transaction = await database.BeginJobAsync(ct);
        var isNew = await transaction.ExecuteAsync(Store, ct, provider.Name, notice.Id, notice.Type, notice.ObjectId, notice.CreatedAt, notice.Payload) > 0;
        if (isNew)
        {
            await transaction.AnnounceJobAsync(JobSchedules.Payments, Guid.Empty, ct);
        }

        await transaction.CommitAsync(ct);
        return ReceivedEvent.Stored;
    }

    const string Store = """
        insert into control.provider_event (provider, id, type, object_id, created_at, payload) values ($1, $2, $3, $4, $5, $6) on conflict (provider, id) do nothing
        """;
}
