namespace ControlPlane.Web.Usage;

/// <summary>
/// Who delivers usage: a webhook signed per Standard Webhooks that names its tenant in <c>X-Tenant-Id</c>, or the bearer of a tenant key. While
/// the database is away, those are known whom it confirmed a short while ago; for all others it is away.
/// </summary>
sealed class UsageCaller(ControlDatabase database, FindTenantKey findTenantKey, DatabaseCircuit circuit, VerifiedCallerCache proven, SecretBox box, Clock clock)
{
    const string HowTo =
        "Sign the request per standardwebhooks.com (headers webhook-id, webhook-timestamp, webhook-signature) and name the tenant in X-Tenant-Id, "
        + "or send a tenant key as Authorization: Bearer cpt_…";

    /// <returns>The tenant of a valid bearer key; null without one.</returns>
    /// <exception cref="Exception">The database is away and the key unproven.</exception>
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
            context.Serves(known);
        }

        return tenant;
    }

    /// <summary>Checks the signature over the body as it came in.</summary>
    /// <returns>The tenant, or the 401 to answer with. It is the same for an unknown tenant and a wrong signature.</returns>
    public async Task<(Guid? Tenant, ProblemHttpResult? Refusal)> SignedAsync(HttpRequest request, ReadOnlyMemory<byte> body, CancellationToken ct)
    {
        var id = request.Headers["webhook-id"].ToString();
        var timestamp = request.Headers["webhook-timestamp"].ToString();
        var signature = request.Headers["webhook-signature"].ToString();
        if (id.Length == 0 || timestamp.Length == 0 || signature.Length == 0)
        {
            return (null, Refuse(HowTo));
        }

        if (!Guid.TryParse(request.Headers["X-Tenant-Id"], out var tenant))
        {
            return (null, Refuse("X-Tenant-Id must be the tenant's UUID."));
        }

        if (!WebhookSignature.IsTimely(timestamp, clock.GetUtcNow(), clock.Wall))
        {
            return (null, Refuse("webhook-timestamp must be the seconds since 1970, within 5 minutes of now: check the sender's clock."));
        }

        if (!await IsGenuineAsync(tenant, secrets => WebhookSignature.IsValid(secrets, id, timestamp, signature, body.Span), ct))
        {
            return (null, Refuse("webhook-signature does not match: sign \"{webhook-id}.{webhook-timestamp}.{body}\" with the tenant's whsec_ secret."));
        }

        request.HttpContext.Serves(tenant);
        return (tenant, null);
    }

    async Task<Guid?> TenantOfAsync(byte[] hash, CancellationToken ct)
    {
        var name = Convert.ToHexString(hash);
        try
        {
            if (await circuit.RunAsync(work => findTenantKey.RunAsync(hash, work), ct, bypassOpenCircuit: !proven.Keys.TryFind(name, out _)) is not { } found)
            {
                proven.Keys.Remove(name);
                return null;
            }

            proven.Keys.Add(name, found.Tenant);
            return found.Tenant;
        }
        catch (Exception e) when (e.IsDatabaseUnavailable() && proven.Keys.TryFind(name, out var tenant))
        {
            return tenant;
        }
    }

    /// <param name="holds">Whether one of the secrets made the signature.</param>
    /// <exception cref="Exception">The database is away, and no secret known to have been valid made the signature. A newer one may have.</exception>
    async Task<bool> IsGenuineAsync(Guid tenant, Func<IReadOnlyList<byte[]>, bool> holds, CancellationToken ct)
    {
        try
        {
            var secrets = await circuit.RunAsync(ReadAsync, ct, bypassOpenCircuit: !proven.Secrets.TryFind(tenant, out _));
            if (!holds(secrets))
            {
                return false;
            }

            proven.Secrets.Add(tenant, secrets);
            return true;
        }
        catch (Exception e) when (e.IsDatabaseUnavailable() && proven.Secrets.TryFind(tenant, out var secrets) && holds(secrets))
        {
            return true;
        }

        async Task<IReadOnlyList<byte[]>> ReadAsync(CancellationToken ct)
        {
            await using var transaction = await database.BeginAsync(tenant, ct);
            return await transaction.ValidAsync(box, tenant, ct);
        }
    }

    static ProblemHttpResult Refuse(string detail) => TypedResults.Problem(detail, statusCode: StatusCodes.Status401Unauthorized, title: "Not authenticated");
}
