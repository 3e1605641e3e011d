using System.Security.Claims;
using Microsoft.AspNetCore.Mvc;

namespace ControlPlane.Web.Webhooks;

/// <summary>Webhooks in the portal: all members see the deliveries; owners set the endpoint and replay deliveries.</summary>
static class WebhookPages
{
    const int DeliveriesOnThePage = 50;

    public static void MapWebhookPages(this IEndpointRouteBuilder routes)
    {
        var webhooks = routes.MapGroup("/app/webhooks").ExcludeFromDescription();
        webhooks.MapGet("", Show).RequireAuthorization(Policies.Member);
        webhooks.MapPost("", Set).RequireRateLimiting(TenantLimits.Changes).RequireAuthorization(Policies.Owner);
        webhooks.MapPost("/remove", Remove).RequireRateLimiting(TenantLimits.Changes).RequireAuthorization(Policies.Owner);
        webhooks.MapPost("/{id:guid}/replay", Replay).RequireAuthorization(Policies.Owner).RequireRateLimiting(TenantLimits.Actions);
        // Reached by a reload or a sign-in after a form was posted.
        webhooks.MapGet("/remove", () => new SeeOther("/app/webhooks")).RequireAuthorization(Policies.Member);
        webhooks.MapGet("/{id:guid}/replay", () => new SeeOther("/app/webhooks")).RequireAuthorization(Policies.Member);
    }

    static async Task<IResult> Show(ClaimsPrincipal user, string? done, WebhookEndpoints endpoints, WebhookDeliveries deliveries, CancellationToken ct)
    {
        var endpoint = await endpoints.FindAsync(user.TenantId(), ct);
        return new RazorComponentResult<WebhooksPage>(new
        {
            Deliveries = await deliveries.ListAsync(user.TenantId(), DeliveriesOnThePage, ct),
            endpoint?.Url,
            IsSet = endpoint is not null,
            Notice = done switch { "set" => "Webhook endpoint saved.", "removed" => "Webhook endpoint removed.", "replayed" => "Sending again…", _ => null },
        });
    }

    static async Task<IResult> Set(
        ClaimsPrincipal user, [FromForm] string? url, WebhookEndpoints endpoints, WebhookDeliveries deliveries, CancellationToken ct)
    {
        var result = await endpoints.SetAsync(user.TenantId(), url, user.ActorName(), ct);
        if (result is SetEndpointResult.Done { Secret: null })
        {
            return new SeeOther("/app/webhooks?done=set");
        }

        var list = await deliveries.ListAsync(user.TenantId(), DeliveriesOnThePage, ct);
        return result switch
        {
            SetEndpointResult.Done done => new RazorComponentResult<WebhooksPage>(new { Deliveries = list, done.Endpoint.Url, IsSet = true, done.Secret }),
            SetEndpointResult.Invalid invalid => new RazorComponentResult<WebhooksPage>(
                new { Deliveries = list, Url = url, IsSet = await endpoints.FindAsync(user.TenantId(), ct) is not null, Error = invalid.Errors["url"] })
            { StatusCode = StatusCodes.Status400BadRequest },
            var other => throw new InvalidOperationException($"Unhandled result {other}."),
        };
    }

    // The form is bound so that its antiforgery token is checked.
    static async Task<IResult> Remove(ClaimsPrincipal user, IFormCollection form, WebhookEndpoints endpoints, CancellationToken ct)
    {
        await endpoints.RemoveAsync(user.TenantId(), user.ActorName(), ct);
        return new SeeOther("/app/webhooks?done=removed");
    }

    static async Task<IResult> Replay(ClaimsPrincipal user, Guid id, IFormCollection form, WebhookDeliveries deliveries, CancellationToken ct) =>
        await deliveries.ReplayAsync(user.TenantId(), id, user.ActorName(), ct) ? new SeeOther("/app/webhooks?done=replayed") : TypedResults.NotFound();
}
