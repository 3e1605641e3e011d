using System.Security.Cryptography;

namespace ControlPlane.Notifications.Webhooks;

public sealed record WebhookEndpoint(string Url, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt);

public abstract record SetEndpointResult
{
    /// <param name="Secret">Shown only once; null when an endpoint existed, which keeps its secret.</param>
    public sealed record Done(WebhookEndpoint Endpoint, string? Secret) : SetEndpointResult;
    public sealed record Invalid(FieldErrors Errors) : SetEndpointResult;
}

/// <summary>The endpoint of a tenant's webhooks: one URL, and the secret that signs requests to it.</summary>
public sealed class WebhookEndpoints(ControlDatabase database, SecretBox box, Clock clock, ControlPlaneOptions options)
{
    const string SecretPrefix = "whsec_";

    /// <summary>The stored secrets, for a change of the key that encrypts them.</summary>
    public static SealedColumn Column { get; } = new(
        "secrets of webhook endpoints",
        "select tenant_id, '', ciphertext from control.webhook_endpoint",
        "update control.webhook_endpoint set ciphertext = $4 where tenant_id = $1 and $2 = '' and ciphertext = $3",
        (tenant, _) => Context(tenant!.Value));

    /// <returns>null when none is set.</returns>
    public async Task<WebhookEndpoint?> FindAsync(Guid tenant, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(tenant, ct);
        return await transaction.FirstAsync(
            "select url, created_at, updated_at from control.webhook_endpoint where tenant_id = $1",
            row => new WebhookEndpoint(row.GetString(0), row.GetFieldValue<DateTimeOffset>(1), row.GetFieldValue<DateTimeOffset>(2)), ct, tenant);
    }

    public async Task<SetEndpointResult> SetAsync(Guid tenant, string? url, string actor, CancellationToken ct)
    {
        var trimmed = url?.Trim();
        var errors = Validate(trimmed);
        if (errors.Count > 0)
        {
            return new SetEndpointResult.Invalid(errors);
        }

        var secret = SecretPrefix + Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
        await using var transaction = await database.BeginAsync(tenant, ct);
        var (isNew, createdAt) = await transaction.FirstAsync(
            Upsert, row => (row.GetBoolean(0), row.GetFieldValue<DateTimeOffset>(1)), ct, tenant, trimmed, box.Seal(secret, Context(tenant)), clock.GetUtcNow());
        await transaction.AuditAsync(clock, tenant, actor, "webhook_endpoint.set", new { new Uri(trimmed!).Host }, ct);
        await transaction.CommitAsync(ct);
        return new SetEndpointResult.Done(new WebhookEndpoint(trimmed!, createdAt, clock.GetUtcNow()), isNew ? secret : null);
    }

    /// <summary>Undelivered webhooks stay queued for the next endpoint.</summary>
    /// <returns>False when there was none.</returns>
    public async Task<bool> RemoveAsync(Guid tenant, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(tenant, ct);
        if (await transaction.ExecuteAsync("delete from control.webhook_endpoint where tenant_id = $1", ct, tenant) == 0)
        {
            return false;
        }

        await transaction.AuditAsync(clock, tenant, actor, "webhook_endpoint.removed", null, ct);
        await transaction.CommitAsync(ct);
        return true;
    }

    FieldErrors Validate(string? url)
    {
        var errors = new FieldErrors();
        errors.Check("url", WebhookUrl.Validate(url, options.Sandbox));
        return errors;
    }

    internal static byte[] KeyOf(SecretBox box, Guid tenant, byte[] ciphertext) =>
        Convert.FromBase64String(box.Open(ciphertext, Context(tenant))[SecretPrefix.Length..]);

    static string Context(Guid tenant) => $"webhook_endpoint:{tenant}";

    // xmax is 0 in a row that was inserted, not updated.
    const string Upsert = """
        insert into control.webhook_endpoint as e (tenant_id, url, ciphertext, created_at, updated_at) values ($1, $2, $3, $4, $4)
        on conflict (tenant_id) do update set url = excluded.url, updated_at = excluded.updated_at
        returning xmax = 0, created_at
        """;
}
