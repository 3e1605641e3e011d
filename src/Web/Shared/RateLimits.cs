using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Threading.RateLimiting;

namespace ControlPlane.Web.Shared;

/// <summary>
/// Limits per client address on requests that compute a password hash or send a mail. Counted per process; a proxy in front may be
/// stricter and passes the client address in X-Forwarded-For (docs/operations.md).
/// </summary>
static class RateLimits
{
    /// <summary>Signups; each may send a mail.</summary>
    public const string Signup = "signup";
    /// <summary>What a signed-in person does with the own account, in all tenants: changes of the address, and switches, which the audit log keeps for good.</summary>
    public const string Account = "account";
    /// <summary>Slug availability checks while typing.</summary>
    public const string Lookup = "lookup";

    /// <summary>Webhooks of payment providers, which retry what is refused.</summary>
    public const string Notifications = "notifications";

    const int NotificationsPerHour = 36_000;

    public static void AddControlPlaneRateLimits(this IServiceCollection services, IConfiguration configuration, bool sandbox)
    {
        // In a sandbox, for demos and tests, all clients share one address.
        var factor = sandbox ? 1000 : 1;
        var signIns = configuration.ReadCount("CONTROLPLANE_LIMIT_SIGNINS", 60, "number per hour");
        var ofTenants = new HourlyTenantLimits(
            configuration.ReadCount("CONTROLPLANE_LIMIT_ACTIONS", 120, "number per hour") * factor,
            configuration.ReadCount("CONTROLPLANE_LIMIT_CHANGES", 1_000, "number per hour") * factor);
        services.AddRateLimiter(limiter =>
        {
            limiter.RejectionStatusCode = StatusCodes.Status429TooManyRequests;
            limiter.OnRejected = (rejected, _) => new ValueTask(Reject(rejected.HttpContext, rejected.Lease).ExecuteAsync(rejected.HttpContext));
            PerClient(Signup, configuration.ReadCount("CONTROLPLANE_LIMIT_SIGNUPS", 40, "number per hour"));
            // The limiter runs after authorization, which has refused callers without a session.
            limiter.AddPolicy(Account, context => RateLimitPartition.GetTokenBucketLimiter(
                KnownBrowsers.AccountOf(context.User.MemberEmail() ?? ""), _ => Bucket(signIns * factor)));
            PerClient(Lookup, configuration.ReadCount("CONTROLPLANE_LIMIT_LOOKUPS", 600, "number per hour"));
            PerClient(Notifications, NotificationsPerHour);
            limiter.AddTenantLimits(Bucket(ofTenants.Actions), Bucket(ofTenants.Changes));

            void PerClient(string policy, int perHour) => limiter.AddPolicy(policy, context => RateLimitPartition.GetTokenBucketLimiter(
                Client(context.Connection.RemoteIpAddress), _ => Bucket(perHour * factor)));
        });
        services.AddSingleton(ofTenants);
        services.AddSingleton<TenantRequestCounts>();
        services.AddSingleton(_ => new SignInBudget(Bucket(signIns * factor), Bucket(SignInBudget.Accounts * signIns * factor)));
        services.AddSingleton(_ => new OperatorGuesses(TimeProvider.System, OperatorGuesses.DefaultFree * factor));
    }

    /// <summary>429 with Retry-After: problem+json for API clients, a page for browsers.</summary>
    public static ProblemHttpResult Reject(HttpContext context, RateLimitLease lease) =>
        Reject(context, lease.TryGetMetadata(MetadataName.RetryAfter, out var wait) ? wait : TimeSpan.FromSeconds(context.GetEndpoint().RetryAfterSeconds()));

    /// <inheritdoc cref="Reject(HttpContext, RateLimitLease)"/>
    public static ProblemHttpResult Reject(HttpContext context, TimeSpan retryAfter)
    {
        var seconds = (int)Math.Ceiling(retryAfter.TotalSeconds);
        context.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        return TypedResults.Problem(
            $"Too many requests. Try again in {Duration(seconds)}.", statusCode: StatusCodes.Status429TooManyRequests, title: "Too many requests");
    }

    /// <summary>The client as an unknown browser or program.</summary>
    public static RequestOrigin OriginOf(HttpContext context) => RequestOrigin.Network(Client(context.Connection.RemoteIpAddress));

    /// <summary>The client's network. A client that has one IPv6 address usually has its whole /64, and a household a /56 (RIPE-690).</summary>
    public static string Client(IPAddress? address) => address switch
    {
        null => "local",
        { IsIPv4MappedToIPv6: true } => address.MapToIPv4().ToString(),
        { AddressFamily: AddressFamily.InterNetworkV6 } => $"{new IPAddress([.. address.GetAddressBytes().AsSpan(0, 7), .. new byte[9]])}/56",
        _ => address.ToString(),
    };

    static string Duration(int seconds) => seconds switch
    {
        < 90 => $"{seconds} seconds",
        <= 90 * 60 => $"{(seconds + 59) / 60} minutes",
        _ => $"{(seconds + 3599) / 3600} hours",
    };

    // The limit of an hour may be used in one burst; then tokens are added one by one.
    static TokenBucketRateLimiterOptions Bucket(int perHour) => new()
    {
        TokenLimit = perHour,
        TokensPerPeriod = 1,
        ReplenishmentPeriod = TimeSpan.FromHours(1) / perHour,
    };
}
