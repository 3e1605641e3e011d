using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Threading.RateLimiting;

namespace ControlPlane.Web.Shared;

/// <summary>
/// How often one client address may do what costs a password hash or sends a mail. Counted in each process: a proxy in front may be
/// stricter, and tells us the client's address in X-Forwarded-For (docs/operations.md).
/// </summary>
static class RateLimits
{
    /// <summary>Signups; each may send a mail.</summary>
    public const string Signup = "signup";
    /// <summary>Sign-ins, and asking for or using links in mails.</summary>
    public const string SignIn = "sign_in";
    /// <summary>Whether a slug is free, asked while typing.</summary>
    public const string Lookup = "lookup";

    public static void AddControlPlaneRateLimits(this IServiceCollection services, IConfiguration configuration, bool sandbox)
    {
        // A sandbox is for demos and tests, where everybody comes from one address.
        var relaxed = sandbox ? 1000 : 1;
        services.AddRateLimiter(limiter =>
        {
            limiter.RejectionStatusCode = StatusCodes.Status429TooManyRequests;
            limiter.OnRejected = (rejected, _) => new ValueTask(Reject(rejected.HttpContext, rejected.Lease).ExecuteAsync(rejected.HttpContext));
            PerClient(Signup, Setting("CONTROLPLANE_LIMIT_SIGNUPS", 40));
            PerClient(SignIn, Setting("CONTROLPLANE_LIMIT_SIGNINS", 60));
            PerClient(Lookup, Setting("CONTROLPLANE_LIMIT_LOOKUPS", 600));

            void PerClient(string policy, int perHour) => limiter.AddPolicy(policy, context => RateLimitPartition.GetTokenBucketLimiter(
                Client(context.Connection.RemoteIpAddress), _ => Bucket(perHour * relaxed)));
        });
        services.AddSingleton(_ => new SignInLimiter(Bucket(Setting("CONTROLPLANE_LIMIT_SIGNINS_PER_ACCOUNT", 20) * relaxed)));

        int Setting(string name, int standard) => configuration[name] switch
        {
            null => standard,
            var text when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var perHour) && perHour is > 0 and <= 1_000_000 => perHour,
            var text => throw new SettingException($"{name} is \"{text}\": give how many an hour, from 1 to 1000000."),
        };
    }

    /// <summary>429 with Retry-After: a problem for programs, a page for people.</summary>
    public static ProblemHttpResult Reject(HttpContext context, RateLimitLease lease)
    {
        var seconds = lease.TryGetMetadata(MetadataName.RetryAfter, out var wait) ? (int)Math.Ceiling(wait.TotalSeconds) : 60;
        context.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        return TypedResults.Problem(
            $"That was too often. Try again in {Words(seconds)}.", statusCode: StatusCodes.Status429TooManyRequests, title: "Too many requests");
    }

    // Whoever has one IPv6 address has the whole /64 it is in.
    static string Client(IPAddress? address) => address switch
    {
        null => "local",
        { IsIPv4MappedToIPv6: true } => address.MapToIPv4().ToString(),
        { AddressFamily: AddressFamily.InterNetworkV6 } => Convert.ToHexString(address.GetAddressBytes().AsSpan(0, 8)),
        _ => address.ToString(),
    };

    static string Words(int seconds) => seconds < 90 ? $"{seconds} seconds" : $"{(seconds + 59) / 60} minutes";

    // The whole hour's worth may come at once; after that it is one by one.
    static TokenBucketRateLimiterOptions Bucket(int perHour) => new()
    {
        TokenLimit = perHour,
        TokensPerPeriod = 1,
        ReplenishmentPeriod = TimeSpan.FromHours(1) / perHour,
    };
}

/// <summary>How often anyone may try to sign in to one account, from wherever: against guessing from many addresses.</summary>
sealed class SignInLimiter(TokenBucketRateLimiterOptions perAccount) : IDisposable
{
    readonly PartitionedRateLimiter<string> _limiter = PartitionedRateLimiter.Create<string, string>(
        email => RateLimitPartition.GetTokenBucketLimiter(email.Trim().ToUpperInvariant(), _ => perAccount));

    public RateLimitLease Try(string email) => _limiter.AttemptAcquire(email);

    public void Dispose() => _limiter.Dispose();
}
