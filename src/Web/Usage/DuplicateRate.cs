using System.Collections.Concurrent;
using System.Diagnostics;

namespace ControlPlane.Web.Usage;

/// <summary>
/// How many events one tenant may report that are counted already: they cost as much work as new ones, and no quota counts them. Per process.
/// </summary>
/// <param name="perSecond">Those of <see cref="BurstSeconds"/> may be reported at once.</param>
sealed class DuplicateRate(int perSecond)
{
    public const int DefaultPerSecond = 1_000, MaxPerSecond = 1_000_000;

    const int BurstSeconds = 100;

    /// <summary>When a tenant would have reported its duplicates if it had kept to the rate (the generic cell rate algorithm, ITU-T I.371).</summary>
    readonly ConcurrentDictionary<Guid, TimeSpan> _reportedBy = new();

    // Not the time of day, which may be set back.
    static TimeSpan Now => Stopwatch.GetElapsedTime(0);

    /// <returns>How long the tenant has to wait before its next delivery; null: it need not.</returns>
    public TimeSpan? WaitOf(Guid tenant) =>
        _reportedBy.TryGetValue(tenant, out var by) && by - Now - TimeSpan.FromSeconds(BurstSeconds) is var wait && wait > TimeSpan.Zero ? wait : null;

    public void Count(Guid tenant, long duplicates)
    {
        if (duplicates > 0)
        {
            var (now, cost) = (Now, TimeSpan.FromSeconds(duplicates / (double)perSecond));
            _reportedBy.AddOrUpdate(tenant, now + cost, (_, by) => (by > now ? by : now) + cost);
        }
    }
}
