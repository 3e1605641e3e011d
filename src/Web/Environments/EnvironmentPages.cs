using System.Security.Claims;

namespace ControlPlane.Web.Environments;

/// <summary>The tenant's environment in the portal.</summary>
static class EnvironmentPages
{
    public static void MapEnvironmentPages(this IEndpointRouteBuilder routes)
    {
        var app = routes.MapGroup("/app/environment").ExcludeFromDescription();
        app.MapGet("", Show).RequireAuthorization(Policies.Member);
        app.MapGet("/live", Live).RequireAuthorization(Policies.Member);
        app.MapPost("/restart", Restart).RequireAuthorization(Policies.Owner).RequireRateLimiting(TenantLimits.Actions);
        app.MapPost("/access", Access).RequireRateLimiting(TenantLimits.Changes).RequireAuthorization(Policies.Owner);
        // Reached by a reload or a sign-in after a form was posted.
        app.MapGet("/{form:regex(^(restart|access)$)}", () => new SeeOther("/app/environment")).RequireAuthorization(Policies.Member);
    }

    static Task<RazorComponentResult<EnvironmentPage>> Show(
        ClaimsPrincipal user, string? done, ControlDatabase database, ControlPlaneOptions options, CancellationToken ct) =>
        RenderAsync(user, database, options, done == "restart" ? "Restarting…" : null, null, null, ct);

    /// <summary>The part of the page that changes while a run is in progress.</summary>
    static async Task<RazorComponentResult<EnvironmentPanel>> Live(
        ClaimsPrincipal user, ControlDatabase database, ControlPlaneOptions options, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(user.TenantId(), ct);
        return new RazorComponentResult<EnvironmentPanel>(
            new { Environment = await EnvironmentStatus.ReadAsync(transaction, options, user.TenantId(), ct), options.PublicUrl });
    }

    // The form is bound so that its antiforgery token is checked.
    static async Task<IResult> Restart(
        ClaimsPrincipal user, IFormCollection form, RestartEnvironment restart, ControlDatabase database, ControlPlaneOptions options, CancellationToken ct) =>
        await restart.RunAsync(user.TenantId(), user.ActorName(), ct) switch
        {
            EnvironmentResult.Accepted => new SeeOther("/app/environment?done=restart"),
            EnvironmentResult.Conflict conflict => await RenderAsync(user, database, options, null, conflict.Reason, null, ct),
            _ => TypedResults.NotFound(),
        };

    static async Task<IResult> Access(
        ClaimsPrincipal user, IFormCollection form, EnvironmentAccess access, ControlDatabase database, ControlPlaneOptions options, CancellationToken ct) =>
        await access.RunAsync(user.TenantId(), user.MemberRole(), user.ActorName(), ct) switch
        {
            EnvironmentAccessResult.Shown shown => await RenderAsync(user, database, options, null, null, shown, ct),
            EnvironmentAccessResult.NotAllowed => TypedResults.StatusCode(StatusCodes.Status403Forbidden),
            _ => await RenderAsync(user, database, options, null, "There is no administrator yet because the environment has not been set up.", null, ct),
        };

    static async Task<RazorComponentResult<EnvironmentPage>> RenderAsync(
        ClaimsPrincipal user, ControlDatabase database, ControlPlaneOptions options, string? notice, string? problem, EnvironmentAccessResult.Shown? access,
        CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(user.TenantId(), ct);
        return new RazorComponentResult<EnvironmentPage>(new
        {
            Environment = await EnvironmentStatus.ReadAsync(transaction, options, user.TenantId(), ct),
            options.PublicUrl,
            Notice = notice,
            Problem = problem,
            Access = access,
        })
        { StatusCode = problem is null ? StatusCodes.Status200OK : StatusCodes.Status409Conflict };
    }
}
