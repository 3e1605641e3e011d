using ControlPlane.Database;
using ControlPlane.Http.Hosting;
using ControlPlane.Operations;
using ControlPlane.Signup;
using ControlPlane.Webhooks;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ControlPlane.Http.Usage;

/// <summary>
/// Who delivers usage: a webhook signed per Standard Webhooks that names its tenant in <c>X-Tenant-Id</c>, or the bearer of a tenant key.
/// </summary>
sealed class UsageCaller(ControlDatabase database, SecretBox box, Clock clock)
{
    const string HowTo =
        "Sign the request per standardwebhooks.com (headers webhook-id, webhook-timestamp, webhook-signature) and name the tenant in X-Tenant-Id, "
        + "or send a tenant key as Authorization: Bearer cpt_…";

    /// <returns>The tenant of a valid bearer key; null without one.</returns>
    public async Task<Guid?> BearerAsync(HttpContext context) =>
        BearerKeys.KeyOf(context.Request) is { } key && await BearerKeys.FindTenantAsync(database, context, key) is { } found ? found.Tenant : null;

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

        await using var transaction = await database.BeginAsync(tenant, ct);
        var secrets = await transaction.ValidAsync(box, tenant, ct);
        if (!WebhookSignature.IsValid(secrets, id, timestamp, signature, body.Span))
        {
            return (null, Refuse("webhook-signature does not match: sign \"{webhook-id}.{webhook-timestamp}.{body}\" with the tenant's whsec_ secret."));
        }

        request.HttpContext.Serves(tenant);
        return (tenant, null);
    }

    static ProblemHttpResult Refuse(string detail) => TypedResults.Problem(detail, statusCode: StatusCodes.Status401Unauthorized, title: "Not authenticated");
}
