using System.Globalization;
using Npgsql;

namespace ControlPlane.Metering.Ingestion;

/// <summary>
/// How many events a tenant may report on a UTC day, by which its use of the disk is bounded. It is above what the tenant's authorizations allow, so a gateway that asks
/// before each call does not reach it. Counters, a row for each day, model and user that is never deleted, are a fifth of it.
/// </summary>
/// <param name="Events">Of every tenant, beside two for each token that its plan allows on a day: an outage of a day may be made up for on the next.</param>
/// <param name="Maximum">Of any tenant; also of those whose plan does not limit tokens.</param>
public sealed record UsageQuota(long Events, long Maximum)
{
    const int EventsPerCounter = 5, EventsPerToken = 2;

    /// <param name="tokensPerDay">null: the tenant may not authorize calls at the moment; <see cref="long.MaxValue"/>: as many as it likes.</param>
    public bool IsReached(long events, long counters, long? tokensPerDay)
    {
        var maximum = Math.Min(Maximum, Events + ((decimal)EventsPerToken * (tokensPerDay ?? 0)));
        return events >= maximum || counters >= maximum / EventsPerCounter;
    }

    /// <summary>Reads what the tenant has reported on the day of receipt. Call it under the tenant's billing lock. The plan is looked up only when it matters.</summary>
    internal Statement Select(Guid tenant, DateTimeOffset now) => new(
        SelectReceived, tenant, DateOf(now), now, Events, Events / EventsPerCounter);

    internal async Task<bool> IsReachedAsync(NpgsqlDataReader reader, CancellationToken ct) =>
        await reader.ReadAsync(ct) && IsReached(reader.GetInt64(0), reader.GetInt64(1), reader.Get<long?>(2));

    /// <summary>The UTC day on which the usage is received, which need not be that of its events.</summary>
    internal static DateOnly DateOf(DateTimeOffset now) => DateOnly.FromDateTime(now.UtcDateTime);

    /// <summary>Nothing of the delivery is counted.</summary>
    internal static TenantBusyException Exceeded(DateTimeOffset now)
    {
        var tomorrow = new DateTimeOffset(DateOf(now).AddDays(1), TimeOnly.MinValue, TimeSpan.Zero);
        return new(string.Create(
            CultureInfo.InvariantCulture,
            $"Your organization has reported more usage today than its plan allows to authorize. Keep these events and send them again after {tomorrow:yyyy-MM-dd HH:mm} UTC: nothing is counted twice."))
        {
            QueueIsFull = true,
            Delay = tomorrow - now,
        };
    }

    // Who is suspended, or whose trial has expired, authorizes nothing.
    const string SelectReceived = """
        select r.events, r.counters, case when r.events >= $4 or r.counters >= $5 then (
            select coalesce(l.tokens_per_day, 9223372036854775807) from control.tenant t, control.limits_of($1, $3) l
            where t.id = $1 and t.status = 'active' and (l.trial_ends_at is null or l.trial_ends_at > $3)) end
        from control.usage_received r where r.tenant_id = $1 and r.day = $2
        """;
}
