using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.Options;

namespace ControlPlane.Web.Shared;

/// <summary>Authorization: Bearer cpt_… (tenant) or cpo_… (operator), looked up by hash.</summary>
sealed class BearerKeys(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder, ControlDatabase database, FindTenantKey findTenantKey,
    OperatorGuesses guesses)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    public new const string Scheme = "bearer";

    // Set while this network has to wait because it guessed.
    TimeSpan? _delay;

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

        var network = RateLimits.Client(Context.Connection.RemoteIpAddress);
        if (key.StartsWith(Credentials.TenantKeyPrefix, StringComparison.Ordinal))
        {
            if (await findTenantKey.RunAsync(Credentials.Hash(key), network, Context.RequestAborted) is not { } found)
            {
                return AuthenticateResult.Fail("The key is unknown or revoked.");
            }

            Context.SetTenant(found.Tenant);
            return Claims.OfKey(found);
        }

        if (guesses.DelayOf(network, key) is { } delay)
        {
            _delay = delay;
            return AuthenticateResult.Fail("Too many unknown operator keys from this network.");
        }

        await using var job = await database.BeginJobAsync(Context.RequestAborted);
        if (await job.FindOperatorAsync(key, Context.RequestAborted) is { } identity)
        {
            guesses.Succeeded(network, key);
            return Claims.OfOperator(Scheme, identity);
        }

        guesses.Failed(network);
        return AuthenticateResult.Fail("The key is unknown or revoked.");
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        if (_delay is { } delay)
        {
            return RateLimits.Reject(Context, delay).ExecuteAsync(Context);
        }

        Response.Headers.WWWAuthenticate = "Bearer";
        Response.StatusCode = StatusCodes.Status401Unauthorized;
        return Task.CompletedTask;
    }

    protected override async Task HandleForbiddenAsync(AuthenticationProperties properties)
    {
        var user = (await HandleAuthenticateOnceAsync()).Principal!;
        var policies = Context.GetEndpoint()?.Metadata.GetOrderedMetadata<IAuthorizeData>().Select(data => data.Policy).ToList() ?? [];
        if (policies.Contains(Policies.Tenant) && user.HasClaim(claim => claim.Type == Claims.Tenant))
        {
            await RouteRights.MissingScope(RouteRights.ScopeOf(Context)).ExecuteAsync(Context);
        }
        else if (policies.Contains(Policies.Operator) && user.OperatorRole() is not null)
        {
            await RouteRights.WrongRole(Context, user).ExecuteAsync(Context);
        }
        else
        {
            Response.StatusCode = StatusCodes.Status403Forbidden;
        }
    }
}
