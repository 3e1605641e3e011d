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
        tenant.MapPost("/keys", Create).WithName("createKey").WithSummary("Create a key; its value is returned only once");
        tenant.MapDelete("/keys/{id:guid}", Revoke).WithName("revokeKey").WithSummary("Revoke a key immediately");
        tenant.MapPost("/webhook-secret/rotate", Rotate).WithName("rotateWebhookSecret")
            .WithSummary("Replace the secret that signs usage webhooks; the previous one stays valid for 24 hours");
    }

    static async Task<Ok<Page<TenantKey>>> List(ClaimsPrincipal user, ListKeys listKeys, CancellationToken ct) =>
        TypedResults.Ok(new Page<TenantKey>(await listKeys.RunAsync(user.TenantId(), ct), null));

    static async Task<Results<Created<CreatedKey>, ValidationProblem>> Create(KeyBody body, ClaimsPrincipal user, CreateKey createKey, CancellationToken ct) =>
        await createKey.RunAsync(user.TenantId(), body.Name, user.ActorName(), ct) switch
        {
            CreateKeyResult.Created created => TypedResults.Created((string?)null, created.Key),
            CreateKeyResult.Invalid invalid => invalid.Errors.ToValidationProblem(),
            var other => throw new InvalidOperationException($"Unhandled result {other}."),
        };

    static async Task<Results<NoContent, ProblemHttpResult>> Revoke(Guid id, ClaimsPrincipal user, RevokeKey revokeKey, CancellationToken ct) =>
        await revokeKey.RunAsync(user.TenantId(), id, user.ActorName(), ct)
            ? TypedResults.NoContent()
            : TypedResults.Problem("You have no key with this id: GET /v1/keys lists them.", statusCode: 404, title: "No such key");

    static async Task<Ok<RotateReply>> Rotate(ClaimsPrincipal user, RotateWebhookSecret rotate, CancellationToken ct)
    {
        var rotated = await rotate.RunAsync(user.TenantId(), user.ActorName(), ct);
        return TypedResults.Ok(new RotateReply(rotated.Secret, rotated.PreviousValidUntil));
    }

    sealed record KeyBody([property: Required] string? Name);

    sealed record RotateReply(string WebhookSecret, DateTimeOffset? PreviousValidUntil);
}
