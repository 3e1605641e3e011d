using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;

namespace ControlPlane.Web.Shared;

/// <summary>Authorization policies. Bearer keys are accepted by the API only, session cookies by the pages only.</summary>
public static class Policies
{
    /// <summary>A tenant key as bearer token.</summary>
    public const string Tenant = "tenant";
    /// <summary>An operator key as bearer token.</summary>
    public const string Operator = "operator";
    /// <summary>A member signed in to the portal.</summary>
    public const string Member = "member";
    /// <summary>A member with the role owner, who may change keys, members and the environment.</summary>
    public const string Owner = "owner";
    /// <summary>An operator signed in to /admin.</summary>
    public const string OperatorPage = "operator_page";

    internal static void AddControlPlaneAuthentication(this IServiceCollection services)
    {
        services.AddSingleton<PortalCookies>();
        services.AddAuthentication()
            .AddScheme<AuthenticationSchemeOptions, BearerKeys>(BearerKeys.Scheme, null)
            .AddScheme<AuthenticationSchemeOptions, Sessions>(Sessions.Scheme, null);
        services.AddAuthorizationBuilder()
            .AddPolicy(Tenant, p => p.AddAuthenticationSchemes(BearerKeys.Scheme).RequireClaim(Claims.Tenant))
            .AddPolicy(Operator, p => p.AddAuthenticationSchemes(BearerKeys.Scheme).RequireClaim(Claims.Operator))
            .AddPolicy(Member, p => p.AddAuthenticationSchemes(Sessions.Scheme).RequireClaim(Claims.Tenant))
            .AddPolicy(Owner, p => p.AddAuthenticationSchemes(Sessions.Scheme).RequireClaim(Claims.Tenant).RequireClaim(Claims.Role, "owner"))
            .AddPolicy(OperatorPage, p => p.AddAuthenticationSchemes(Sessions.Scheme).RequireClaim(Claims.Operator));
    }
}

/// <summary>Claims the authentication handlers issue, and how endpoints read them.</summary>
public static class Claims
{
    public const string Tenant = "tenant";
    public const string Operator = "operator";
    internal const string Role = "role";
    const string Actor = "actor";
    const string Email = "email";

    /// <summary>The tenant of a request that passed <see cref="Policies.Tenant"/> or <see cref="Policies.Member"/>.</summary>
    public static Guid TenantId(this ClaimsPrincipal user) => Guid.Parse(user.FindFirstValue(Tenant)!);

    /// <summary>For the audit log: <c>key:{id}</c>, <c>member:{id}</c> or <c>operator</c>.</summary>
    public static string ActorName(this ClaimsPrincipal user) => user.FindFirstValue(Actor) ?? "visitor";

    /// <summary><c>owner</c>, <c>billing</c> or <c>viewer</c>; null for a key.</summary>
    public static string? MemberRole(this ClaimsPrincipal user) => user.FindFirstValue(Role);

    public static string? MemberEmail(this ClaimsPrincipal user) => user.FindFirstValue(Email);

    internal static AuthenticateResult Ticket(string scheme, string actor, Guid? tenant, string? role = null, string? email = null)
    {
        var identity = new ClaimsIdentity(scheme);
        identity.AddClaim(new Claim(Actor, actor));
        identity.AddClaim(tenant is { } id ? new Claim(Tenant, id.ToString()) : new Claim(Operator, "true"));
        if (role is not null)
        {
            identity.AddClaim(new Claim(Role, role));
        }

        if (email is not null)
        {
            identity.AddClaim(new Claim(Email, email));
        }

        return AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), scheme));
    }
}

/// <summary>Authorization: Bearer cpt_… (tenant) or cpo_… (operator), looked up by hash.</summary>
sealed class BearerKeys(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder, ControlDatabase database, FindTenantKey findTenantKey)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    public new const string Scheme = "bearer";

    /// <returns>null without a bearer key.</returns>
    public static string? KeyOf(HttpRequest request) =>
        request.Headers.Authorization.ToString() is var header && header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase)
            ? header["Bearer ".Length..].Trim()
            : null;

    public static ProblemHttpResult UnknownTenantKey() => TypedResults.Problem(
        "Send a tenant key as Authorization: Bearer cpt_…. This key is unknown or revoked.", statusCode: StatusCodes.Status401Unauthorized, title: "Not authenticated");

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        if (KeyOf(Request) is not { } key)
        {
            return AuthenticateResult.NoResult();
        }

        if (key.StartsWith(Credentials.TenantKeyPrefix, StringComparison.Ordinal))
        {
            if (await findTenantKey.RunAsync(Credentials.Hash(key), Context.RequestAborted) is not { } found)
            {
                return AuthenticateResult.Fail("The key is unknown or revoked.");
            }

            Context.SetTenant(found.Tenant);
            return Claims.Ticket(Scheme, $"key:{found.Key}", found.Tenant);
        }

        await using var job = await database.BeginJobAsync(Context.RequestAborted);
        return await job.IsOperatorKeyAsync(key, Context.RequestAborted)
            ? Claims.Ticket(Scheme, "operator", null)
            : AuthenticateResult.Fail("The key is unknown or revoked.");
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        Response.Headers.WWWAuthenticate = "Bearer";
        Response.StatusCode = StatusCodes.Status401Unauthorized;
        return Task.CompletedTask;
    }
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
            return await job.IsOperatorSessionAsync(token, ct)
                ? Claims.Ticket(Scheme, "operator", null)
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
        return Claims.Ticket(Scheme, $"member:{found.Member}", found.Tenant, found.Role, found.Email);
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        var login = Request.Path.StartsWithSegments("/admin") ? "/admin/login" : "/login";
        Response.Redirect($"{login}?return={UrlEncoder.Encode(Request.Path + Request.QueryString)}");
        return Task.CompletedTask;
    }
}
