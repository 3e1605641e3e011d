using System.Security.Claims;
using Microsoft.AspNetCore.Mvc;

namespace ControlPlane.Web.Weights;

/// <summary>A tenant's own weights in the portal.</summary>
static class WeightsPages
{
    public static void MapWeightsPages(this IEndpointRouteBuilder routes)
    {
        var app = routes.MapGroup("/app/weights").ExcludeFromDescription();
        app.MapGet("", Show).RequireAuthorization(Policies.Member);
        app.MapGet("/live", Live).RequireAuthorization(Policies.Member);
        app.MapPost("", Add).RequireAuthorization(Policies.Owner).RequireRateLimiting(TenantLimits.Changes);
        app.MapPost("/remove", Remove).RequireAuthorization(Policies.Owner).RequireRateLimiting(TenantLimits.Changes);
        // Reached by a reload or a sign-in after the form was posted.
        app.MapGet("/remove", () => new SeeOther("/app/weights")).RequireAuthorization(Policies.Member);
    }

    static Task<RazorComponentResult<WeightsPage>> Show(ClaimsPrincipal user, string? done, OwnWeights weights, CancellationToken ct) => RenderAsync(
        user, weights, new(), done switch { "added" => "The download starts within a minute.", "removed" => "Removing…", _ => null }, problem: null, ct);

    /// <summary>The part of the page that changes while a download is in progress.</summary>
    static async Task<RazorComponentResult<WeightsTable>> Live(ClaimsPrincipal user, OwnWeights weights, CancellationToken ct) =>
        new(new { Models = await weights.ListAsync(user.TenantId(), ct) ?? [], IsOwner = user.MemberRole() == "owner" });

    static async Task<IResult> Add([FromForm] string? name, [FromForm] string? source, ClaimsPrincipal user, OwnWeights weights, CancellationToken ct) =>
        await weights.AddAsync(user.TenantId(), name?.Trim(), source?.Trim(), user.ActorName(), ct) switch
        {
            WeightsResult.Accepted => new SeeOther("/app/weights?done=added"),
            WeightsResult.Invalid invalid => await RenderAsync(user, weights, new(name, source, invalid.Errors), null, null, ct),
            WeightsResult.Conflict conflict => await RenderAsync(user, weights, new(name, source), null, conflict.Reason, ct),
            _ => await RenderAsync(user, weights, new(), null, null, ct),
        };

    static async Task<IResult> Remove([FromForm] string? name, ClaimsPrincipal user, OwnWeights weights, CancellationToken ct)
    {
        await weights.RemoveAsync(user.TenantId(), name ?? "", user.ActorName(), ct);
        return new SeeOther("/app/weights?done=removed");
    }

    static async Task<RazorComponentResult<WeightsPage>> RenderAsync(
        ClaimsPrincipal user, OwnWeights weights, WeightsForm form, string? notice, string? problem, CancellationToken ct) =>
        new(new { Models = await weights.ListAsync(user.TenantId(), ct), Form = form, Notice = notice, Problem = problem })
        { StatusCode = problem is not null ? StatusCodes.Status409Conflict : form.Errors.Count > 0 ? StatusCodes.Status400BadRequest : StatusCodes.Status200OK };
}

/// <summary>What was entered.</summary>
public sealed record WeightsForm(string? Name = null, string? Source = null)
{
    public WeightsForm(string? name, string? source, FieldErrors errors)
        : this(name, source) => Errors = errors;

    public FieldErrors Errors { get; } = [];
}
