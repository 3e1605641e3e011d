using System.Globalization;
using ControlPlane.Limits;
using Npgsql;

namespace ControlPlane.Metering.Ingestion;

/// <summary>
/// What a tenant has reported on the UTC day of receipt, which need not be that of the events (<c>control.usage_received</c>). <see cref="UsageTables"/> writes it with the counters.
/// </summary>
static class UsageReceived
{
    public static DateOnly DayOf(DateTimeOffset now) => DateOnly.FromDateTime(now.UtcDateTime);

    /// <summary>Call it under the tenant's billing lock.</summary>
    public static Statement Select(Guid tenant, UsageQuota quota, DateTimeOffset now) =>
        new(SelectReceived, tenant, DayOf(now), now, quota.Events, quota.Maximum, quota.Events / UsageQuota.EventsPerCounter);

    /// <summary>Whether the tenant has reported as much as it may.</summary>
    public static async Task<bool> IsQuotaReachedAsync(NpgsqlDataReader reader, CancellationToken ct) =>
        await reader.ReadAsync(ct) && reader.Get<long?>(2) is { } quota && (reader.GetInt64(0) >= quota || reader.GetInt64(1) >= quota / UsageQuota.EventsPerCounter);

    /// <summary>Nothing of the delivery is counted.</summary>
    public static TenantBusyException QuotaReached(DateTimeOffset now)
    {
        var tomorrow = new DateTimeOffset(DayOf(now).AddDays(1), TimeOnly.MinValue, TimeSpan.Zero);
        return new(string.Create(
            CultureInfo.InvariantCulture,
            $"Your organization has reported more usage today than its plan allows to authorize. Keep these events and send them again after {tomorrow:yyyy-MM-dd HH:mm} UTC: nothing is counted twice."))
        {
            QueueIsFull = true,
            Delay = tomorrow - now,
        };
    }

    // The plan is looked up only when it matters. A tenant that is suspended, or whose trial has expired, may use no tokens.
    const string SelectReceived = """
        select r.events, r.counters, case when r.events >= $4 or r.counters >= $6 then coalesce((
            select control.usage_quota($4, $5, l.tokens_per_day) from control.tenant t, control.limits_of($1, $3) l
            where t.id = $1 and t.status = 'active' and (l.trial_ends_at is null or l.trial_ends_at > $3)), control.usage_quota($4, $5, 0)) end
        from control.usage_received r where r.tenant_id = $1 and r.day = $2
        """;
}
