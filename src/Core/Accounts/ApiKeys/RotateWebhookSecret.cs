namespace ControlPlane.Accounts.ApiKeys;

public abstract record RotateWebhookSecretResult
{
    /// <param name="Secret">Shown only once.</param>
    /// <param name="PreviousValidUntil">Real time; null when no previous secret is valid.</param>
    public sealed record Rotated(string Secret, DateTimeOffset? PreviousValidUntil) : RotateWebhookSecretResult;

    /// <summary>Nothing was changed: two secrets are valid already.</summary>
    /// <param name="Until">When the older one expires, in real time.</param>
    public sealed record PreviousStillValid(DateTimeOffset Until) : RotateWebhookSecretResult;
}

/// <summary>
/// Replaces the secret that signs usage webhooks. The previous one stays valid for a day, so that senders can be updated; a third one is not
/// created in that time, because every secret costs a hash of every body.
/// </summary>
public sealed class RotateWebhookSecret(ControlDatabase database, Clock clock, SecretBox secrets)
{
    /// <param name="revokePrevious">All former secrets expire at once, for instance because one has leaked.</param>
    public async Task<RotateWebhookSecretResult> RunAsync(Guid tenant, bool revokePrevious, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(tenant, ct);
        // One rotation at a time: two at once would leave two secrets without an expiry.
        await transaction.ExecuteAsync("select 1 from control.tenant where id = $1 for update", ct, tenant);
        if (!revokePrevious && await transaction.ScalarAsync<DateTimeOffset?>(PreviousExpiry, ct, tenant) is { } until)
        {
            return new RotateWebhookSecretResult.PreviousStillValid(until);
        }

        await transaction.ExecuteAsync(revokePrevious ? DeleteAll : DeleteExpired, ct, tenant);
        var validUntil = await transaction.ScalarAsync<DateTimeOffset?>(ExpireCurrent, ct, tenant);
        var secret = await transaction.AddWebhookSecretAsync(clock, secrets, tenant, ct);
        await transaction.AuditAsync(clock, tenant, actor, "webhook_secret.rotated", new { revokePrevious }, ct);
        await transaction.CommitAsync(ct);
        return new RotateWebhookSecretResult.Rotated(secret, validUntil);
    }

    const string PreviousExpiry = "select max(expires_at) from control.webhook_secret where tenant_id = $1 and expires_at > now()";

    const string DeleteAll = "delete from control.webhook_secret where tenant_id = $1";

    const string DeleteExpired = "delete from control.webhook_secret where tenant_id = $1 and expires_at <= now()";

    const string ExpireCurrent = """
        update control.webhook_secret set expires_at = now() + interval '24 hours' where tenant_id = $1 and expires_at is null returning expires_at
        """;
}
