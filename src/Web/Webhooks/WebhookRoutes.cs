using System.ComponentModel.DataAnnotations;
using System.Security.Claims;

namespace ControlPlane.Web.Webhooks;

/// <summary>The webhook endpoint of a tenant.</summary>
static class WebhookRoutes
{
    public static void MapWebhooks(this IEndpointRouteBuilder routes)
    {
        var tenant = routes.MapGroup("/v1/webhook-endpoint").RequireAuthorization(Policies.Tenant).WithTags("Webhooks");
        tenant.MapGet("", Find).WithName("getWebhookEndpoint").WithSummary("Get the webhook endpoint");
        tenant.MapPut("", Set).RequireRateLimiting(TenantLimits.Changes).WithName("setWebhookEndpoint").WithSummary("Set the webhook endpoint")
            .WithDescription("Deliveries are signed as specified by standardwebhooks.com and arrive at least once. The signing secret is returned only when the first URL is set.");
        tenant.MapDelete("", Remove).RequireRateLimiting(TenantLimits.Changes).WithName("removeWebhookEndpoint").WithSummary("Remove the webhook endpoint and its secret");
    }

    static async Task<Results<Ok<EndpointReply>, ProblemHttpResult>> Find(ClaimsPrincipal user, WebhookEndpoints endpoints, CancellationToken ct) =>
        await endpoints.FindAsync(user.TenantId(), ct) is { } endpoint ? TypedResults.Ok(new EndpointReply(endpoint.Url, endpoint.UpdatedAt, null)) : None();

    static async Task<Results<Ok<EndpointReply>, ValidationProblem>> Set(EndpointBody body, ClaimsPrincipal user, WebhookEndpoints endpoints, CancellationToken ct) =>
        await endpoints.SetAsync(user.TenantId(), body.Url, user.ActorName(), ct) switch
        {
            SetEndpointResult.Done done => TypedResults.Ok(new EndpointReply(done.Endpoint.Url, done.Endpoint.UpdatedAt, done.Secret)),
            SetEndpointResult.Invalid invalid => invalid.Errors.ToValidationProblem(),
            var other => throw new InvalidOperationException($"Unhandled result {other}."),
        };

    static async Task<Results<NoContent, ProblemHttpResult>> Remove(ClaimsPrincipal user, WebhookEndpoints endpoints, CancellationToken ct) =>
        await endpoints.RemoveAsync(user.TenantId(), user.ActorName(), ct) ? TypedResults.NoContent() : None();

    static ProblemHttpResult None() => TypedResults.Problem("No endpoint is set. Set one with PUT /v1/webhook-endpoint {url}.", statusCode: 404, title: "No endpoint");

    sealed record EndpointBody([property: Required] string? Url);

    /// <param name="Secret">Only in the response that created it.</param>
    sealed record EndpointReply(string Url, DateTimeOffset UpdatedAt, string? Secret);
}
