namespace ControlPlane.Web.Usage;

/// <summary>
/// Authenticates usage senders: a webhook signed per Standard Webhooks that names its tenant in <c>X-Tenant-Id</c>, or a tenant key as bearer
/// token. While the database is unavailable, recently verified senders are accepted from a cache; all others get its error.
/// </summary>
sealed class UsageCaller(ControlDatabase database, FindTenantKey findTenantKey, DatabaseCircuit circuit, VerifiedCallerCache verified, SecretBox box, Clock clock)
{
    const string Instructions =
        "Sign the request as specified by standardwebhooks.com (headers webhook-id, webhook-timestamp, webhook-signature) and send the tenant ID in X-Tenant-Id, "
        + "or send a tenant key as Authorization: Bearer cpt_…";

    /// <returns>The tenant of a valid bearer key; null without one.</returns>
    /// <exception cref="Exception">The database is unavailable and the key is not cached.</exception>
    public async Task<Guid?> BearerAsync(HttpContext context, CancellationToken ct)
    {
        if (BearerKeys.KeyOf(context.Request) is not { } key || !key.StartsWith(Credentials.TenantKeyPrefix, StringComparison.Ordinal))
        {
            return null;
        }

        var hash = Credentials.Hash(key);
        var tenant = await TenantOfAsync(hash, ct);
        if (tenant is { } known)
        {
            context.SetTenant(known);
        }

        return tenant;
    }

    /// <summary>Checks the signature over the raw body.</summary>
    /// <returns>The tenant, or the 401 to answer with. It is the same for an unknown tenant and a wrong signature.</returns>
    public async Task<(Guid? Tenant, ProblemHttpResult? Problem)> SignedAsync(HttpRequest request, ReadOnlyMemory<byte> body, CancellationToken ct)
    {
        var id = request.Headers["webhook-id"].ToString();
        var timestamp = request.Headers["webhook-timestamp"].ToString();
        var signature = request.Headers["webhook-signature"].ToString();
        if (id.Length == 0 || timestamp.Length == 0 || signature.Length == 0)
        {
            return (null, Unauthorized(Instructions));
        }

        if (!Guid.TryParse(request.Headers["X-Tenant-Id"], out var tenant))
        {
            return (null, Unauthorized("X-Tenant-Id must be the UUID of the tenant."));
        }

        if (!WebhookSignature.IsTimely(timestamp, clock.GetUtcNow(), clock.Wall))
        {
            return (null, Unauthorized("webhook-timestamp must be a Unix timestamp in seconds, within 5 minutes of the current time. Check the sender's clock."));
        }

        if (!await IsGenuineAsync(tenant, secrets => WebhookSignature.IsValid(secrets, id, timestamp, signature, body.Span), ct))
        {
            return (null, Unauthorized("webhook-signature does not match. Sign \"{webhook-id}.{webhook-timestamp}.{body}\" with the tenant's whsec_ secret."));
        }

        request.HttpContext.SetTenant(tenant);
        return (tenant, null);
    }

    async Task<Guid?> TenantOfAsync(byte[] hash, CancellationToken ct)
    {
        var name = Convert.ToHexString(hash);
        try
        {
            if (await circuit.RunAsync(work => findTenantKey.RunAsync(hash, work), ct, bypassOpenCircuit: !verified.Keys.TryFind(name, out _)) is not { } found)
            {
                verified.Keys.Remove(name);
                return null;
            }

            verified.Keys.Add(name, found.Tenant);
            return found.Tenant;
        }
        catch (Exception e) when (e.IsDatabaseUnavailable() && verified.Keys.TryFind(name, out var tenant))
        {
            return tenant;
        }
    }

    /// <param name="isValid">Whether one of the secrets created the signature.</param>
    /// <exception cref="Exception">The database is unavailable and no cached secret created the signature. A newer one may have.</exception>
    async Task<bool> IsGenuineAsync(Guid tenant, Func<IReadOnlyList<byte[]>, bool> isValid, CancellationToken ct)
    {
        try
        {
            var secrets = await circuit.RunAsync(ReadAsync, ct, bypassOpenCircuit: !verified.Secrets.TryFind(tenant, out _));
            if (!isValid(secrets))
            {
                return false;
            }

            verified.Secrets.Add(tenant, secrets);
            return true;
        }
        catch (Exception e) when (e.IsDatabaseUnavailable() && verified.Secrets.TryFind(tenant, out var secrets) && isValid(secrets))
        {
            return true;
        }

        async Task<IReadOnlyList<byte[]>> ReadAsync(CancellationToken ct)
        {
            await using var transaction = await database.BeginAsync(tenant, ct);
            return await transaction.ValidAsync(box, tenant, ct);
        }
    }

    static ProblemHttpResult Unauthorized(string detail) => TypedResults.Problem(detail, statusCode: StatusCodes.Status401Unauthorized, title: "Not authenticated");
}
