using System.Security.Claims;
using System.Threading.RateLimiting;
using Microsoft.AspNetCore.RateLimiting;

namespace ControlPlane.Web.Shared;

/// <summary>
/// Limits per tenant on requests that cause work: one tenant must not use up the connections and workers that all share. Counted per process, without a round
/// trip; <see cref="SharedTenantLimitsMiddleware"/> and the tenant's connections bound them in all processes together. Each answers 429 with Retry-After.
/// </summary>
static class TenantLimits
{
    /// <summary>Requests that read many rows or large documents: so many run at once for a tenant, so many more wait for them.</summary>
    public const string Reports = "reports";

    /// <summary>Requests that queue work outside the database: restarts and replays. So many an hour.</summary>
    public const string Actions = "actions";

    /// <summary>Other requests that change something: each writes rows, of which the audit log keeps one for good. So many an hour.</summary>
    public const string Changes = "changes";

    const int ConcurrentReports = 4;
    const int WaitingReports = 16;

    public static void AddTenantLimits(this RateLimiterOptions limiter, TokenBucketRateLimiterOptions actions, TokenBucketRateLimiterOptions changes)
    {
        limiter.AddPolicy(Reports, context => RateLimitPartition.GetConcurrencyLimiter(
            TenantOf(context), _ => new ConcurrencyLimiterOptions { PermitLimit = ConcurrentReports, QueueLimit = WaitingReports }));
        limiter.AddPolicy(Actions, context => RateLimitPartition.GetTokenBucketLimiter(TenantOf(context), _ => actions));
        limiter.AddPolicy(Changes, context => RateLimitPartition.GetTokenBucketLimiter(TenantOf(context), _ => changes));
    }

    /// <summary>For a rejection whose limiter does not know: reports end within seconds.</summary>
    public static int RetryAfterSeconds(this Endpoint? endpoint) =>
        endpoint?.Metadata.GetMetadata<EnableRateLimitingAttribute>()?.PolicyName == Reports ? 2 : 60;

    // The limiter runs after authorization, which has refused callers without a tenant.
    static string TenantOf(HttpContext context) => context.User.FindFirstValue(Claims.Tenant) ?? "";
}
