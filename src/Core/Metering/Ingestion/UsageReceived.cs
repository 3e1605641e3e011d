using System.Globalization;
using System.Text;
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
        new(SelectReceived, tenant, DayOf(now), now, quota.Events, quota.Maximum, quota.BeforeReady, UsageQuota.EventsPerCounter);

    /// <summary>What an event counts as: its ids are the only part whose size is up to the sender.</summary>
    public static long UnitsOf(UsageEvent usage) => 1 + ((SizeOf(usage.Id) + SizeOf(usage.User) + SizeOf(usage.Session)) / UsageQuota.BytesPerEvent);

    /// <summary>What a rejected event counts as: quarantine keeps its text.</summary>
    public static long UnitsOf(RejectedSubmission rejected) => 1 + (rejected.Submission.Utf8.Length / UsageQuota.BytesPerEvent);

    static int SizeOf(string? id) => id is null ? 0 : Encoding.UTF8.GetByteCount(id);

    /// <summary>Whether the tenant has reported as much as it may.</summary>
    public static async Task<bool> IsQuotaReachedAsync(NpgsqlDataReader reader, CancellationToken ct) =>
        await reader.ReadAsync(ct) && reader.Get<long?>(2) is { } quota && (reader.GetInt64(0) >= quota || reader.GetInt64(1) >= quota / UsageQuota.EventsPerCounter);

    /// <summary>Nothing of the delivery is counted.</summary>
    public static TenantBusyException QuotaReached(DateTimeOffset now)
    {
        var tomorrow = new DateTimeOffset(DayOf(now).AddDays(1), TimeOnly.MinValue, TimeSpan.Zero);
        return new(string.Create(
            CultureInfo.InvariantCulture,
            $"Your organization has reported as many usage events today as it may. Keep these events and send them again after {tomorrow:yyyy-MM-dd HH:mm} UTC: nothing is counted twice."))
        {
            QueueIsFull = true,
            Delay = tomorrow - now,
        };
    }

    // The plan is looked up only when it matters. A tenant that is suspended, whose trial has expired or whose environment is not ready may use no tokens.
    const string SelectReceived = """
        select r.events, r.counters, case when r.events >= $6 or r.counters >= $6 / $7 then coalesce((
            select case when e.first_ready_at is null then $6
                when t.status = 'active' and e.state in ('ready', 'updating') and (l.trial_ends_at is null or l.trial_ends_at > $3)
                    then control.usage_quota($4, $5, control.usage_tokens($1, l.tokens_per_day))
                else control.usage_quota($4, $5, 0) end
            from control.tenant t left join control.environment e on e.tenant_id = t.id, control.limits_of($1, $3) l where t.id = $1), $6) end
        from control.usage_received r where r.tenant_id = $1 and r.day = $2
        """;
}
