using System.Security.Cryptography;

namespace ControlPlane.Accounts.ApiKeys;

/// <summary>
/// The secrets that sign usage webhooks (Standard Webhooks): <c>whsec_</c> and base64 of 32 random bytes, encrypted at rest. Their expiry
/// follows the database's clock: a sandbox's test clock neither shortens nor extends it.
/// </summary>
public static class WebhookSecrets
{
    public const string Prefix = "whsec_";

    /// <summary>The stored secrets, for a change of the key that encrypts them.</summary>
    public static SealedColumn Column { get; } = new(
        "webhook secrets",
        "select tenant_id, id::text, ciphertext from control.webhook_secret",
        "update control.webhook_secret set ciphertext = $4 where tenant_id = $1 and id = $2::uuid and ciphertext = $3",
        (tenant, _) => Context(tenant!.Value));

    /// <returns>The newest secret, encoded, to sign on the tenant's behalf; null when there is none.</returns>
    public static async Task<string?> CurrentAsync(this Transaction transaction, SecretBox secrets, Guid tenant, CancellationToken ct) =>
        await transaction.FirstAsync(Valid, row => row.GetFieldValue<byte[]>(0), ct, tenant) is { } ciphertext
            ? secrets.Open(ciphertext, Context(tenant))
            : null;

    /// <returns>The new secret, encoded.</returns>
    internal static async Task<string> AddWebhookSecretAsync(
        this Transaction transaction, TimeProvider clock, SecretBox secrets, Guid tenant, CancellationToken ct)
    {
        var secret = Prefix + Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
        await transaction.ExecuteAsync(
            "insert into control.webhook_secret (id, tenant_id, ciphertext, created_at) values ($1, $2, $3, $4)", ct,
            Ids.New(clock), tenant, secrets.Seal(secret, Context(tenant)), clock.GetUtcNow());
        return secret;
    }

    internal static byte[] Decode(SecretBox secrets, Guid tenant, byte[] ciphertext) =>
        Convert.FromBase64String(secrets.Open(ciphertext, Context(tenant))[Prefix.Length..]);

    static string Context(Guid tenant) => $"webhook_secret:{tenant}";

    // The current secret is the one without an expiry. Each one costs a hash of every body, so only the current and the previous one count.
    internal const string Valid = """
        select s.ciphertext from control.webhook_secret s join control.tenant t on t.id = s.tenant_id
        where s.tenant_id = $1 and not t.is_deleted and (s.expires_at is null or s.expires_at > now())
        order by s.expires_at desc nulls first limit 2
        """;
}
