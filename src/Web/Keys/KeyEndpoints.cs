using System.ComponentModel.DataAnnotations;
using System.Security.Claims;

namespace ControlPlane.Web.Keys;

/// <summary>API keys and webhook secret of a tenant.</summary>
static class KeyEndpoints
{
    public static void MapKeys(this IEndpointRouteBuilder routes)
    {
        var tenant = routes.MapGroup("/v1").RequireAuthorization(Policies.Tenant).WithTags("Keys");
        tenant.MapGet("/keys", List).WithName("listKeys").WithSummary("List the tenant's keys, without their secret values");
        tenant.MapPost("/keys", Create).RequireRateLimiting(TenantLimits.Changes).WithName("createKey").WithSummary("Create a key; its value is returned only once")
            .WithDescription(
                "`scopes` limits what the key may do; without it the key may do everything except call the environment's API. A request that a key's scopes do not cover is answered with "
                + "403 and `missing_scope`. A key with the scope `chat` calls the environment's API (`api_address` of GET /v1/environment) as `user`, to whom its usage and limits belong, and has no other scope.");
        tenant.MapDelete("/keys/{id:guid}", Revoke).RequireRateLimiting(TenantLimits.Changes).WithName("revokeKey").WithSummary("Revoke a key immediately");
        tenant.MapPost("/webhook-secret/rotate", Rotate).RequireRateLimiting(TenantLimits.Changes).WithName("rotateWebhookSecret")
            .WithSummary("Replace the secret that signs usage webhooks; the previous one stays valid for 24 hours")
            .WithDescription(
                "At most two secrets are valid: while the previous one is, another rotation returns 409. With `revoke_previous: true` only the new secret is valid.")
            .ProducesProblem(StatusCodes.Status409Conflict);
    }

    static async Task<Ok<Page<TenantKey>>> List(ClaimsPrincipal user, Guid? cursor, int? limit, ListKeys listKeys, CancellationToken ct)
    {
        var size = Query.Limit(limit);
        return TypedResults.Ok(Page.Of(await listKeys.RunAsync(user.TenantId(), cursor, size + 1, ct), size, last => last.Id.ToString()));
    }

    static async Task<Results<Created<CreatedKey>, ValidationProblem>> Create(KeyBody body, ClaimsPrincipal user, CreateKey createKey, CancellationToken ct) =>
        await createKey.RunAsync(user.TenantId(), new(body.Name, body.Scopes ?? [KeyScopes.Admin], body.User), user.ActorName(), ct) switch
        {
            CreateKeyResult.Created created => TypedResults.Created((string?)null, created.Key),
            CreateKeyResult.Invalid invalid => invalid.Errors.ToValidationProblem(),
            var other => throw new InvalidOperationException($"Unhandled result {other}."),
        };

    static async Task<Results<NoContent, ProblemHttpResult>> Revoke(Guid id, ClaimsPrincipal user, RevokeKey revokeKey, CancellationToken ct) =>
        await revokeKey.RunAsync(user.TenantId(), id, user.ActorName(), ct)
            ? TypedResults.NoContent()
            : TypedResults.Problem("You have no key with this id: GET /v1/keys lists them.", statusCode: 404, title: "No such key");

    static async Task<Results<Ok<RotateReply>, ProblemHttpResult>> Rotate(
        ClaimsPrincipal user, RotateBody? body, RotateWebhookSecret rotate, CancellationToken ct) =>
        await rotate.RunAsync(user.TenantId(), body?.RevokePrevious ?? false, user.ActorName(), ct) switch
        {
            RotateWebhookSecretResult.Rotated rotated => TypedResults.Ok(new RotateReply(rotated.Secret, rotated.PreviousValidUntil)),
            RotateWebhookSecretResult.PreviousStillValid previous => TypedResults.Problem(
                $"The previous secret is valid until {previous.Until:yyyy-MM-ddTHH:mm:ssZ}. Rotate after that, or send revoke_previous: true to invalidate all former secrets at once.",
                statusCode: 409, title: "Two secrets are valid"),
            var other => throw new InvalidOperationException($"Unhandled result {other}."),
        };

    /// <param name="Scopes">authorize, usage:write, usage:read, billing:read and admin, which includes those and is the default; or chat alone.</param>
    /// <param name="User">With the scope chat only: the user whose calls those with the key are, such as support-bot.</param>
    sealed record KeyBody([property: Required] string? Name, IReadOnlyList<string?>? Scopes, string? User);

    /// <param name="RevokePrevious">Invalidates all former secrets at once.</param>
    sealed record RotateBody(bool? RevokePrevious);

    sealed record RotateReply(string WebhookSecret, DateTimeOffset? PreviousValidUntil);
}
