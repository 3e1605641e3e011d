using System.Security.Claims;
using Microsoft.AspNetCore.RateLimiting;

namespace ControlPlane.Web.Shared;

/// <summary>
/// The limits <see cref="TenantLimits.Actions"/> and <see cref="TenantLimits.Changes"/> in all processes together: where many serve, each would allow as many.
/// </summary>
sealed class SharedTenantLimitsMiddleware(RequestDelegate next, TenantRequestCounts counts, HourlyTenantLimits limits)
{
    /// <summary>A bucket that starts full allows twice its size in the first hour. So a single process never reaches this limit before its own.</summary>
    const int BucketsPerHour = 2;

    public async Task InvokeAsync(HttpContext context)
    {
        var policy = context.GetEndpoint()?.Metadata.GetMetadata<EnableRateLimitingAttribute>()?.PolicyName;
        if (limits.Of(policy) is { } perHour && Guid.TryParse(context.User.FindFirstValue(Claims.Tenant), out var tenant)
            && await counts.CountAsync(tenant, policy!, BucketsPerHour * perHour, context.RequestAborted) is { } retryAfter)
        {
            await RateLimits.Reject(context, retryAfter).ExecuteAsync(context);
            return;
        }

        await next(context);
    }
}

/// <summary>Requests of one tenant per hour and process.</summary>
sealed record HourlyTenantLimits(int Actions, int Changes)
{
    /// <returns>null for a policy that is not counted by the hour.</returns>
    public int? Of(string? policy) => policy switch
    {
        TenantLimits.Actions => Actions,
        TenantLimits.Changes => Changes,
        _ => null,
    };
}
