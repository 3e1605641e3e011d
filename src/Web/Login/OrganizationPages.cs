using FromFormAttribute = Microsoft.AspNetCore.Mvc.FromFormAttribute;

namespace ControlPlane.Web.Login;

/// <summary>A person who belongs to several tenants switches between them.</summary>
static class OrganizationPages
{
    const string Path = "/app/organizations";

    public static void MapOrganizationPages(this IEndpointRouteBuilder routes)
    {
        var pages = routes.MapGroup(Path).RequireAuthorization(Policies.Member).ExcludeFromDescription();
        pages.MapGet("", Show);
        pages.MapPost("", Switch).RequireRateLimiting(RateLimits.Account);
    }

    static async Task<RazorComponentResult<OrganizationsPage>> Show(HttpContext context, PortalCookies cookies, SwitchTenant switchTenant, CancellationToken ct) =>
        new(new { Memberships = await switchTenant.ListAsync(context.Request.Cookies[cookies.Member]!, ct) });

    static async Task<IResult> Switch(
        [FromForm] Guid tenant, HttpContext context, PortalCookies cookies, SwitchTenant switchTenant, CancellationToken ct)
    {
        switch (await switchTenant.RunAsync(context.Request.Cookies[cookies.Member]!, tenant, ct))
        {
            case SwitchTenantResult.NotFound:
                return TypedResults.NotFound();
            case SwitchTenantResult.Switched switched:
                cookies.SignInMember(context, switched.Session);
                break;
        }

        return new SeeOther("/app");
    }
}
