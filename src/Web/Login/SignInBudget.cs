using System.Threading.RateLimiting;

namespace ControlPlane.Web.Login;

/// <summary>
/// Requests per hour of clients that are not signed in: sign-ins and requests for links, uses of links, and sign-ins of operators. Each kind has a budget of its
/// own for each network. Counted per process. Not a policy of the route, because what a request draws on is in its form.
/// </summary>
/// <param name="limit">Of each budget.</param>
/// <param name="ofKnownDevices">Of all known devices of a network: each account costs little.</param>
sealed class SignInBudget(TokenBucketRateLimiterOptions limit, TokenBucketRateLimiterOptions ofKnownDevices) : IDisposable
{
    /// <summary>How many accounts' worth of sign-ins the known devices of one network may make.</summary>
    public const int Accounts = 10;

    /// <summary>Links of one network that are looked up in the database at the same time.</summary>
    const int Lookups = 16;

    readonly PartitionedRateLimiter<string> _lookups = PartitionedRateLimiter.Create<string, string>(
        network => RateLimitPartition.GetConcurrencyLimiter(network, _ => new() { PermitLimit = Lookups }));

    readonly PartitionedRateLimiter<string> _limiter = Create(limit);
    readonly PartitionedRateLimiter<string> _knownDevices = Create(ofKnownDevices);

    /// <summary>For a sign-in or a request for a link. A known device draws on a budget of its account: others behind the same address do not use it up.</summary>
    /// <param name="email">As entered.</param>
    /// <returns>The response when the budget is used up; null when the request may go on.</returns>
    public ProblemHttpResult? Reject(HttpContext context, RequestOrigin origin, string email) => origin.IsKnownDevice
        ? Reject(context, _limiter, $"account {KnownBrowsers.AccountOf(email)}") ?? Reject(context, _knownDevices, origin.NetworkName)
        : Reject(context, _limiter, $"network {origin.NetworkName}");

    /// <summary>For a use of a mailed link. Each link that exists has a budget of its own: whoever uses it does not depend on what others behind the same address
    /// try.</summary>
    /// <param name="link">Of <see cref="MailedLinks"/>; null: there is no such link.</param>
    /// <returns>The response when the budget is used up; null when the request may go on.</returns>
    public ProblemHttpResult? RejectLink(HttpContext context, string? link) =>
        Reject(context, _limiter, link is null ? $"unknown link {RateLimits.OriginOf(context).Name}" : $"link {link}");

    /// <summary>Before a link is looked up, which shows whether it exists: a client may invent any number of links.</summary>
    /// <returns>Disposed after the look-up. Not acquired when too many of the client's network are in progress.</returns>
    public RateLimitLease BeginLookup(HttpContext context) => _lookups.AttemptAcquire(RateLimits.OriginOf(context).Name);

    /// <summary>For the sign-in of an operator with a key that was not right before.</summary>
    /// <returns>The response when the budget is used up; null when the request may go on.</returns>
    public ProblemHttpResult? RejectOperator(HttpContext context) => Reject(context, _limiter, $"operator {RateLimits.OriginOf(context).Name}");

    public void Dispose()
    {
        _lookups.Dispose();
        _limiter.Dispose();
        _knownDevices.Dispose();
    }

    static ProblemHttpResult? Reject(HttpContext context, PartitionedRateLimiter<string> limiter, string key)
    {
        using var lease = limiter.AttemptAcquire(key);
        return lease.IsAcquired ? null : RateLimits.Reject(context, lease);
    }

    static PartitionedRateLimiter<string> Create(TokenBucketRateLimiterOptions limit) => PartitionedRateLimiter.Create<string, string>(
        key => RateLimitPartition.GetTokenBucketLimiter(key, _ => limit));
}
