using System.Runtime.ExceptionServices;

namespace ControlPlane.Web.Usage;

/// <summary>
/// Authenticates usage senders: a webhook signed per Standard Webhooks that names its tenant in <c>X-Tenant-Id</c>, or a tenant key as bearer
/// token. While the database is unavailable, recently verified senders are accepted from a cache; all others get its error.
/// </summary>
sealed class UsageCaller(
    FindTenantKey findTenantKey, FindWebhookSecrets findWebhookSecrets, DatabaseCircuit circuit, VerifiedCallerCache verified, Clock clock)
{
    const string Instructions =
        "Sign the request as specified by standardwebhooks.com (headers webhook-id, webhook-timestamp, webhook-signature) and send the tenant ID in X-Tenant-Id, "
        + "or send a tenant key as Authorization: Bearer cpt_…";

    // A tenant, and a network from which it has sent a valid signature.
    readonly VerifiedSenders<(Guid Tenant, string Network)> _senders = new();

    const string WrongSignature = "webhook-signature does not match. Sign \"{webhook-id}.{webhook-timestamp}.{body}\" with the tenant's whsec_ secret.";

    /// <returns>The tenant of a bearer key that may report usage, or the 401 or 403 to answer with.</returns>
    /// <exception cref="Exception">The database is unavailable and the key is not cached.</exception>
    public async Task<(Guid? Tenant, ProblemHttpResult? Problem)> BearerAsync(HttpContext context, CancellationToken ct)
    {
        if (BearerKeys.KeyOf(context.Request) is not { } key || !Credentials.IsTenantKey(key) || await FindKeyAsync(Credentials.Hash(key), NetworkOf(context), ct) is not { } found)
        {
            return (null, Unauthorized("This key is unknown or revoked."));
        }

        if (!found.Scopes.Allow(KeyScopes.UsageWrite))
        {
            return (null, RouteRights.MissingScope(KeyScopes.UsageWrite));
        }

        context.SetTenant(found.Tenant);
        return (found.Tenant, null);
    }

    /// <summary>Checks the headers before the body is read, and the signature while it is.</summary>
    /// <returns>The tenant and its body, or the 401 to answer with. It is the same for an unknown tenant and a wrong signature.</returns>
    public async Task<(Guid Tenant, byte[]? Body, ProblemHttpResult? Problem)> SignedAsync(HttpContext context, CancellationToken ct)
    {
        var sent = context.Request.Headers;
        if (SignatureHeaders.Parse(sent["webhook-id"].ToString(), sent["webhook-timestamp"].ToString(), sent["webhook-signature"].ToString()) is not { } headers)
        {
            return Refuse(Instructions);
        }

        if (!Guid.TryParse(sent["X-Tenant-Id"], out var tenant))
        {
            return Refuse("X-Tenant-Id must be the UUID of the tenant.");
        }

        if (!WebhookSignature.IsTimely(headers.Timestamp, clock.GetUtcNow(), clock.Wall))
        {
            return Refuse("webhook-timestamp must be a Unix timestamp in seconds, within 5 minutes of the current time. Check the sender's clock.");
        }

        var sender = (tenant, NetworkOf(context));
        var (secrets, outage) = await SecretsOfAsync(tenant, _senders.TurnOf(sender, sender.Item2), ct);
        if (secrets.Count == 0)
        {
            return Refuse(WrongSignature);
        }

        using var verifier = new SignatureVerifier(secrets, headers);
        if (await UsageBody.ReadWholeAsync(context.Request, verifier, ct) is not { } body)
        {
            // A secret newer than the cached ones may have created the signature.
            outage?.Throw();
            return Refuse(WrongSignature);
        }

        if (outage is null)
        {
            verified.Secrets.Add(tenant, secrets);
            _senders.Add(sender, tenant);
        }

        context.SetTenant(tenant);
        return (tenant, body, null);

        static (Guid, byte[]?, ProblemHttpResult?) Refuse(string detail) => (Guid.Empty, null, Unauthorized(detail));
    }

    async Task<FoundKey?> FindKeyAsync(byte[] hash, string network, CancellationToken ct)
    {
        var name = Convert.ToHexString(hash);
        try
        {
            if (await circuit.RunAsync(work => findTenantKey.RunAsync(hash, network, work), ct, bypassOpenCircuit: !verified.Keys.TryFind(name, out _)) is not { } found)
            {
                verified.Keys.Remove(name);
                return null;
            }

            verified.Keys.Add(name, found);
            return found;
        }
        catch (Exception e) when (e.IsDatabaseUnavailable() && verified.Keys.TryFind(name, out var known))
        {
            return known;
        }
    }

    /// <returns>The secrets a signature may have been created with; and the outage, if they are from the cache.</returns>
    /// <exception cref="Exception">The database is unavailable, and the tenant's secrets are not cached.</exception>
    async Task<(IReadOnlyList<byte[]> Secrets, ExceptionDispatchInfo? Outage)> SecretsOfAsync(Guid tenant, object turn, CancellationToken ct)
    {
        try
        {
            var secrets = await circuit.RunAsync(work => findWebhookSecrets.RunAsync(tenant, turn, work), ct, bypassOpenCircuit: !verified.Secrets.TryFind(tenant, out _));
            if (secrets.Count == 0)
            {
                // Of a deleted tenant: during an outage its former secrets are not accepted either.
                verified.Secrets.Remove(tenant);
            }

            return (secrets, null);
        }
        catch (Exception e) when (e.IsDatabaseUnavailable() && verified.Secrets.TryFind(tenant, out var cached))
        {
            return (cached, ExceptionDispatchInfo.Capture(e));
        }
    }

    static string NetworkOf(HttpContext context) => RateLimits.Client(context.Connection.RemoteIpAddress);

    static ProblemHttpResult Unauthorized(string detail) =>
        TypedResults.Problem(detail, statusCode: StatusCodes.Status401Unauthorized, title: "Not authenticated");
}
