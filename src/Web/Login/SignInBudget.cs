using System.Threading.RateLimiting;

namespace ControlPlane.Web.Login;

/// <summary>
/// Sign-ins and requests for links, per hour and network. A known device draws on a budget of its account instead: others behind the same address do not
/// use it up. Counted per process. Not a policy of the route, because the address is in the form.
/// </summary>
/// <param name="limit">As of the other requests that compute a password hash or send a mail.</param>
sealed class SignInBudget(TokenBucketRateLimiterOptions limit) : IDisposable
{
    readonly PartitionedRateLimiter<string> _limiter = PartitionedRateLimiter.Create<string, string>(
        key => RateLimitPartition.GetTokenBucketLimiter(key, _ => limit));

    /// <param name="email">As entered.</param>
    /// <returns>The response when the budget is used up; null when the request may go on.</returns>
    public ProblemHttpResult? Reject(HttpContext context, RequestOrigin origin, string email)
    {
        using var lease = _limiter.AttemptAcquire(origin.IsKnownDevice ? KnownBrowsers.AccountOf(email) : origin.Name);
        return lease.IsAcquired ? null : RateLimits.Reject(context, lease);
    }

    public void Dispose() => _limiter.Dispose();
}
