using System.Security.Claims;

namespace ControlPlane.Web.Webhooks;

/// <summary>Where a tenant's webhooks go.</summary>
static class WebhookRoutes
{
    public static void MapWebhooks(this IEndpointRouteBuilder routes)
    {
        var tenant = routes.MapGroup("/v1/webhook-endpoint").RequireAuthorization(Policies.Tenant).WithTags("Webhooks");
        tenant.MapGet("", Find).WithSummary("Where webhooks go");
        tenant.MapPut("", Set).WithSummary("Say where webhooks go")
            .WithDescription("Deliveries follow standardwebhooks.com and come at least once. The secret that signs them is in the answer that sets the first address, and only there.");
        tenant.MapDelete("", Remove).WithSummary("Send no more webhooks; the secret is forgotten");
    }

    static async Task<Results<Ok<EndpointReply>, ProblemHttpResult>> Find(ClaimsPrincipal user, WebhookEndpoints endpoints, CancellationToken ct) =>
        await endpoints.FindAsync(user.TenantId(), ct) is { } endpoint ? TypedResults.Ok(new EndpointReply(endpoint.Url, endpoint.UpdatedAt, null)) : None();

    static async Task<Results<Ok<EndpointReply>, ValidationProblem>> Set(EndpointBody body, ClaimsPrincipal user, WebhookEndpoints endpoints, CancellationToken ct) =>
        await endpoints.SetAsync(user.TenantId(), body.Url, user.ActorName(), ct) switch
        {
            SetEndpointResult.Done done => TypedResults.Ok(new EndpointReply(done.Endpoint.Url, done.Endpoint.UpdatedAt, done.Secret)),
            SetEndpointResult.Invalid invalid => new FieldErrors { ["url"] = invalid.Url }.ToValidationProblem(),
            var other => throw new InvalidOperationException($"No answer for {other}."),
        };

    static async Task<Results<NoContent, ProblemHttpResult>> Remove(ClaimsPrincipal user, WebhookEndpoints endpoints, CancellationToken ct) =>
        await endpoints.RemoveAsync(user.TenantId(), user.ActorName(), ct) ? TypedResults.NoContent() : None();

    static ProblemHttpResult None() => TypedResults.Problem("No endpoint is set: PUT /v1/webhook-endpoint {url} sets one.", statusCode: 404, title: "No endpoint");

    sealed record EndpointBody(string? Url);

    /// <param name="Secret">Only in the answer that made it.</param>
    sealed record EndpointReply(string Url, DateTimeOffset UpdatedAt, string? Secret);
}
