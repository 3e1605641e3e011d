using System.Security.Claims;

namespace ControlPlane.Web.Dashboard;

/// <summary>Member pages. Every query runs as the tenant, so a page cannot show the rows of another tenant.</summary>
static class MemberPages
{
    public static void MapMemberPages(this IEndpointRouteBuilder routes)
    {
        var app = routes.MapGroup("/app").RequireAuthorization(Policies.Member).RequireRateLimiting(TenantLimits.Reports).ExcludeFromDescription();
        app.MapGet("", Dashboard);
    }

    static async Task<RazorComponentResult> Dashboard(
        ClaimsPrincipal user, ControlDatabase database, Clock clock, ControlPlaneOptions options, RetentionPolicy retention, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(user.TenantId(), ct);
        return await transaction.DashboardAsync(options, user.TenantId(), clock.GetUtcNow(), ct) is { } model
            ? new RazorComponentResult<DashboardPage>(new { Model = model, options.PublicUrl, KeptUntil = model.Trial?.DeletesAt(retention[RetentionClasses.Trials]) })
            : new RazorComponentResult<NotVerifiedPage>();
    }
}
