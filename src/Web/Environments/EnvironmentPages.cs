using System.Security.Claims;
using Microsoft.AspNetCore.Mvc;

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
        app.MapPost("/settings", SetSettings).RequireAuthorization(Policies.Owner).RequireRateLimiting(TenantLimits.Changes);
        // Reached by a reload or a sign-in after a form was posted.
        app.MapGet("/{form:regex(^(restart|access|settings)$)}", () => new SeeOther("/app/environment")).RequireAuthorization(Policies.Member);
    }

    static Task<RazorComponentResult<EnvironmentPage>> Show(
        ClaimsPrincipal user, string? done, EditChatSettings settings, ControlDatabase database, ControlPlaneOptions options, CancellationToken ct) =>
        RenderAsync(
            user, database, options, settings, done switch { "restart" => "Restarting…", "settings" => "Saved. Restart the environment to apply it.", _ => null }, null, null, ct);

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
        ClaimsPrincipal user, IFormCollection form, RestartEnvironment restart, EditChatSettings settings, ControlDatabase database, ControlPlaneOptions options, CancellationToken ct) =>
        await restart.RunAsync(user.TenantId(), user.ActorName(), ct) switch
        {
            EnvironmentResult.Accepted => new SeeOther("/app/environment?done=restart"),
            EnvironmentResult.Conflict conflict => await RenderAsync(user, database, options, settings, null, conflict.Reason, null, ct),
            _ => TypedResults.NotFound(),
        };

    static async Task<IResult> Access(
        ClaimsPrincipal user, IFormCollection form, EnvironmentAccess access, EditChatSettings settings, ControlDatabase database, ControlPlaneOptions options, CancellationToken ct) =>
        await access.RunAsync(user.TenantId(), user.MemberRole(), user.ActorName(), ct) switch
        {
            EnvironmentAccessResult.Shown shown => await RenderAsync(user, database, options, settings, null, null, shown, ct),
            EnvironmentAccessResult.NotAllowed => TypedResults.StatusCode(StatusCodes.Status403Forbidden),
            _ => await RenderAsync(user, database, options, settings, null, "There is no administrator yet because the environment has not been set up.", null, ct),
        };

    static async Task<IResult> SetSettings(
        [FromForm] string? signup, [FromForm(Name = "default_model")] string? model, [FromForm] string? banner, ClaimsPrincipal user, EditChatSettings settings,
        ControlDatabase database, ControlPlaneOptions options, CancellationToken ct)
    {
        switch (await settings.SetAsync(user.TenantId(), new(signup == "true", model, banner), user.ActorName(), ct))
        {
            case ChatSettingsResult.Invalid invalid:
                var page = await RenderAsync(
                    user, database, options, settings, null, invalid.Errors.GetValueOrDefault("default_model"), null, ct, banner, invalid.Errors.GetValueOrDefault("banner"));
                page.StatusCode = StatusCodes.Status400BadRequest;
                return page;
            case ChatSettingsResult.NotFound:
                return TypedResults.NotFound();
            default:
                return new SeeOther("/app/environment?done=settings");
        }
    }

    static async Task<RazorComponentResult<EnvironmentPage>> RenderAsync(
        ClaimsPrincipal user, ControlDatabase database, ControlPlaneOptions options, EditChatSettings settings, string? notice, string? problem,
        EnvironmentAccessResult.Shown? access, CancellationToken ct, string? banner = null, string? bannerError = null)
    {
        var chat = await settings.ReadAsync(user.TenantId(), ct) as ChatSettingsResult.Found;
        await using var transaction = await database.BeginAsync(user.TenantId(), ct);
        return new RazorComponentResult<EnvironmentPage>(new
        {
            Environment = await EnvironmentStatus.ReadAsync(transaction, options, user.TenantId(), ct),
            options.PublicUrl,
            Notice = notice,
            Problem = problem,
            Access = access,
            Chat = chat,
            Banner = banner,
            BannerError = bannerError,
        })
        { StatusCode = problem is null ? StatusCodes.Status200OK : StatusCodes.Status409Conflict };
    }
}
