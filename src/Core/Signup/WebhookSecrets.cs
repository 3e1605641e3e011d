using ControlPlane.Database;
using ControlPlane.Operations;

namespace ControlPlane.Signup;

/// <summary>The secrets a tenant's webhooks may be signed with: the present one and, for a day after a rotation, the one before.</summary>
public static class WebhookSecrets
{
    const string Prefix = "whsec_";

    /// <returns>The decoded bytes of each valid secret; none for an unknown tenant.</returns>
    public static async Task<List<byte[]>> ValidAsync(this Transaction transaction, SecretBox box, Guid tenant, CancellationToken ct) =>
        [.. (await transaction.QueryAsync(
            "select ciphertext from control.webhook_secret where tenant_id = $1 and (expires_at is null or expires_at > now())",
            row => row.GetFieldValue<byte[]>(0), ct, tenant))
            .Select(sealedSecret => Convert.FromBase64String(box.Open(sealedSecret, $"webhook_secret:{tenant}")[Prefix.Length..]))];
}
