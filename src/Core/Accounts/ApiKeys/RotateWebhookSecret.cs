namespace ControlPlane.Accounts.ApiKeys;

/// <param name="Secret">Shown only once.</param>
/// <param name="PreviousValidUntil">Real time; null when there was no secret before.</param>
public sealed record RotatedSecret(string Secret, DateTimeOffset? PreviousValidUntil);

/// <summary>Replaces the secret that signs usage webhooks. The previous one stays valid for a day, so that senders can be updated.</summary>
public sealed class RotateWebhookSecret(ControlDatabase database, Clock clock, SecretBox secrets)
{
    public async Task<RotatedSecret> RunAsync(Guid tenant, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(tenant, ct);
        // One rotation at a time: two at once would leave two secrets without an expiry.
        await transaction.ExecuteAsync("select 1 from control.tenant where id = $1 for update", ct, tenant);
        var validUntil = await transaction.ScalarAsync<DateTimeOffset?>(ExpirePrevious, ct, tenant);
        var secret = await transaction.AddWebhookSecretAsync(clock, secrets, tenant, ct);
        await transaction.AuditAsync(clock, tenant, actor, "webhook_secret.rotated", null, ct);
        await transaction.CommitAsync(ct);
        return new RotatedSecret(secret, validUntil);
    }

    const string ExpirePrevious = """
        update control.webhook_secret set expires_at = now() + interval '24 hours' where tenant_id = $1 and expires_at is null returning expires_at
        """;
}
