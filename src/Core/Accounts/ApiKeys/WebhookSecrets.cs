using System.Security.Cryptography;

namespace ControlPlane.Accounts.ApiKeys;

/// <summary>
/// The secrets that sign usage webhooks (Standard Webhooks): <c>whsec_</c> and base64 of 32 random bytes, encrypted at rest. Which ones
/// are valid is decided on the database's own clock: they guard the wire, so a sandbox's test clock neither ends nor extends them.
/// </summary>
public static class WebhookSecrets
{
    public const string Prefix = "whsec_";

    /// <returns>The raw secrets a signature may be made with, the newest first; none when the tenant has none.</returns>
    public static async Task<IReadOnlyList<byte[]>> ValidAsync(this Transaction transaction, SecretBox secrets, Guid tenant, CancellationToken ct)
    {
        var ciphertexts = await transaction.QueryAsync(Valid, row => row.GetFieldValue<byte[]>(0), ct, tenant);
        return [.. ciphertexts.Select(ciphertext => Convert.FromBase64String(secrets.Open(ciphertext, Context(tenant))[Prefix.Length..]))];
    }

    /// <summary>The newest secret as its holder knows it, for what signs on the tenant's behalf; null when there is none.</summary>
    public static async Task<string?> CurrentAsync(this Transaction transaction, SecretBox secrets, Guid tenant, CancellationToken ct) =>
        await transaction.FirstAsync(Valid, row => row.GetFieldValue<byte[]>(0), ct, tenant) is { } ciphertext
            ? secrets.Open(ciphertext, Context(tenant))
            : null;

    /// <returns>The new secret. This is the only time it is shown.</returns>
    internal static async Task<string> AddWebhookSecretAsync(
        this Transaction transaction, TimeProvider clock, SecretBox secrets, Guid tenant, CancellationToken ct)
    {
        var secret = Prefix + Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
        await transaction.ExecuteAsync(
            "insert into control.webhook_secret (id, tenant_id, ciphertext, created_at) values ($1, $2, $3, $4)", ct,
            Ids.New(clock), tenant, secrets.Seal(secret, Context(tenant)), clock.GetUtcNow());
        return secret;
    }

    static string Context(Guid tenant) => $"webhook_secret:{tenant}";

    // Without an expiry first: that is the current one.
    const string Valid = """
        select ciphertext from control.webhook_secret where tenant_id = $1 and (expires_at is null or expires_at > now())
        order by expires_at desc nulls first
        """;
}
