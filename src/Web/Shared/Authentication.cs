using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;

namespace ControlPlane.Web.Shared;

/// <summary>Authorization policies. Bearer keys are accepted by the API only, session cookies by the pages only.</summary>
public static class Policies
{
    /// <summary>A tenant key as bearer token, with the scope that the route states (<see cref="RouteRights"/>).</summary>
    public const string Tenant = "tenant";
    /// <summary>An operator key as bearer token, of a role that the route allows (<see cref="RouteRights"/>).</summary>
    public const string Operator = "operator";
    /// <summary>A member signed in to the portal.</summary>
    public const string Member = "member";
    /// <summary>A member with the role owner, who may change keys, members and the environment.</summary>
    public const string Owner = "owner";
    /// <summary>A member with the role owner or billing, who may change the plan and pay.</summary>
    public const string Billing = "billing";
    /// <summary>An operator signed in to /admin, with a role that the route allows (<see cref="RouteRights"/>).</summary>
    public const string OperatorPage = "operator_page";

    internal static void AddControlPlaneAuthentication(this IServiceCollection services)
    {
        services.AddSingleton<PortalCookies>();
        services.AddAuthentication()
            .AddScheme<AuthenticationSchemeOptions, BearerKeys>(BearerKeys.Scheme, null)
            .AddScheme<AuthenticationSchemeOptions, Sessions>(Sessions.Scheme, null);
        services.AddAuthorizationBuilder()
            .AddPolicy(Tenant, p => p.AddAuthenticationSchemes(BearerKeys.Scheme).RequireClaim(Claims.Tenant).RequireAssertion(RouteRights.HasScope))
            .AddPolicy(Operator, p => p.AddAuthenticationSchemes(BearerKeys.Scheme).RequireAssertion(RouteRights.HasRole))
            .AddPolicy(Member, p => p.AddAuthenticationSchemes(Sessions.Scheme).RequireClaim(Claims.Tenant))
            .AddPolicy(Owner, p => p.AddAuthenticationSchemes(Sessions.Scheme).RequireClaim(Claims.Tenant).RequireClaim(Claims.Role, "owner"))
            .AddPolicy(Billing, p => p.AddAuthenticationSchemes(Sessions.Scheme).RequireClaim(Claims.Tenant).RequireClaim(Claims.Role, "owner", "billing"))
            .AddPolicy(OperatorPage, p => p.AddAuthenticationSchemes(Sessions.Scheme).RequireAssertion(RouteRights.HasRole));
    }
}

/// <summary>Claims the authentication handlers issue, and how endpoints read them.</summary>
public static class Claims
{
    public const string Tenant = "tenant";
    internal const string Role = "role";
    const string OperatorRoleType = "operator_role";
    const string Scope = "scope";
    const string Actor = "actor";
    const string Email = "email";

    /// <summary>The tenant of a request that passed <see cref="Policies.Tenant"/> or <see cref="Policies.Member"/>.</summary>
    public static Guid TenantId(this ClaimsPrincipal user) => Guid.Parse(user.FindFirstValue(Tenant)!);

    /// <summary>For the audit log: <c>key:{id}</c>, <c>member:{id}</c>, <c>operator:{name}</c> or <c>operator</c>.</summary>
    public static string ActorName(this ClaimsPrincipal user) => user.FindFirstValue(Actor) ?? "visitor";

    /// <summary><c>owner</c>, <c>billing</c> or <c>viewer</c>; null for a key.</summary>
    public static string? MemberRole(this ClaimsPrincipal user) => user.FindFirstValue(Role);

    public static string? MemberEmail(this ClaimsPrincipal user) => user.FindFirstValue(Email);

    /// <summary>null for members and tenant keys.</summary>
    public static OperatorRole? OperatorRole(this ClaimsPrincipal user) => OperatorRoles.Parse(user.FindFirstValue(OperatorRoleType));

    internal static IReadOnlyCollection<string> Scopes(this ClaimsPrincipal user) => [.. user.FindAll(Scope).Select(claim => claim.Value)];

    internal static AuthenticateResult OfKey(FoundKey key) => Ticket(
        BearerKeys.Scheme, $"key:{key.Key}", [new Claim(Tenant, key.Tenant.ToString()), .. key.Scopes.Select(scope => new Claim(Scope, scope))]);

    internal static AuthenticateResult OfMember(MemberSession session) => Ticket(
        Sessions.Scheme, $"member:{session.Member}",
        new Claim(Tenant, session.Tenant.ToString()), new Claim(Role, session.Role), new Claim(Email, session.Email));

    internal static AuthenticateResult OfOperator(string scheme, OperatorIdentity found) =>
        Ticket(scheme, found.Actor, new Claim(OperatorRoleType, found.Role.Text()));

    static AuthenticateResult Ticket(string scheme, string actor, params Claim[] claims) => AuthenticateResult.Success(
        new AuthenticationTicket(new ClaimsPrincipal(new ClaimsIdentity([new Claim(Actor, actor), .. claims], scheme)), scheme));
}

/// <summary>The cookies of the portal (members) and of /admin (operators).</summary>
public sealed class Sessions(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder, ControlDatabase database, PortalCookies cookies,
    AccountOptions accounts)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    public new const string Scheme = "session";

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        var ct = Context.RequestAborted;
        if (Request.Path.StartsWithSegments("/admin"))
        {
            if (Request.Cookies[cookies.Operator] is not { } token)
            {
                return AuthenticateResult.NoResult();
            }

            await using var job = await database.BeginJobAsync(ct);
            return await job.FindOperatorSessionAsync(token, ct) is { } identity
                ? Claims.OfOperator(Scheme, identity)
                : AuthenticateResult.NoResult();
        }

        if (Request.Cookies[cookies.Member] is not { } session)
        {
            return AuthenticateResult.NoResult();
        }

        await using var lookup = await database.OpenAppAsync(ct);
        if (await lookup.UseSessionAsync(session, accounts.SessionIdle, ct) is not { } found)
        {
            return AuthenticateResult.NoResult();
        }

        Context.SetTenant(found.Tenant);
        Context.Features.Set(found);
        return Claims.OfMember(found);
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        var login = Request.Path.StartsWithSegments("/admin") ? "/admin/login" : "/login";
        Response.Redirect($"{login}?return={UrlEncoder.Encode(Request.Path + Request.QueryString)}");
        return Task.CompletedTask;
    }
}
