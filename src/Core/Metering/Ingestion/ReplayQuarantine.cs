namespace ControlPlane.Metering.Ingestion;

public abstract record ReplayResult
{
    /// <summary>The event is counted now, or was already.</summary>
    public sealed record Counted : ReplayResult;
    public sealed record StillHeld(Rejection Why) : ReplayResult;
    public sealed record NotFound : ReplayResult;
}

/// <summary>Reads a held event again, after its cause is fixed. An operator's decision, so an event of any age is counted.</summary>
public sealed class ReplayQuarantine(ControlDatabase database, RecordUsage recordUsage, Clock clock)
{
    public Task<ReplayResult> RunAsync(Guid id, CancellationToken ct)
    {
        DateOnly? day = null;
        return Retry.OnConflictAsync<ReplayResult>(ReplayAsync, () => UsagePartitions.EnsureAsync(database, day is { } d ? [d] : [], ct), ct);

        async Task<ReplayResult> ReplayAsync()
        {
            await using var transaction = await database.BeginJobAsync(ct);
            if (await transaction.FindAsync(id, ct) is not { } held)
            {
                return new ReplayResult.NotFound();
            }

            if (held.State == "replayed")
            {
                return new ReplayResult.Counted();
            }

            var submission = ReadUsage.Again(held.Form, held.Raw);
            day = submission.Event?.Day;
            var batch = await recordUsage.ReplayAsync(transaction, held.Tenant, submission, ct);
            if (batch.Rejected.Select(r => r.Why).FirstOrDefault() is { } why)
            {
                // Nothing is kept of the attempt: the row is held already.
                return new ReplayResult.StillHeld(why);
            }

            await transaction.MarkReplayedAsync(id, clock.GetUtcNow(), ct);
            await transaction.AuditAsync(clock, held.Tenant, "operator", "quarantine.replayed", new { id, held.Code }, ct);
            await transaction.CommitAsync(ct);
            return new ReplayResult.Counted();
        }
    }
}
