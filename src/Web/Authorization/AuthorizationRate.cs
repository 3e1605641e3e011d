using System.Threading.RateLimiting;

namespace ControlPlane.Web.Authorization;

/// <summary>
/// How many authorizations one tenant may request: each stores rows, and all tenants share the batches. Counted per process, for keys that the process has
/// verified.
/// </summary>
/// <param name="perSecond">Those of <see cref="BurstSeconds"/> may be requested at once.</param>
sealed class AuthorizationRate(int perSecond) : IDisposable
{
    public const int DefaultPerSecond = 100, MaxPerSecond = 10_000;

    const int BurstSeconds = 30;

    readonly PartitionedRateLimiter<Guid> _tenants = PartitionedRateLimiter.Create<Guid, Guid>(tenant => RateLimitPartition.GetTokenBucketLimiter(
        tenant, _ => new TokenBucketRateLimiterOptions { TokenLimit = perSecond * BurstSeconds, TokensPerPeriod = perSecond, ReplenishmentPeriod = TimeSpan.FromSeconds(1) }));

    public RateLimitLease Acquire(Guid tenant) => _tenants.AttemptAcquire(tenant);

    public void Dispose() => _tenants.Dispose();
}
