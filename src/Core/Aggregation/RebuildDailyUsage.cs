using System.Globalization;
using ControlPlane.Database;
using ControlPlane.Operations;
using ControlPlane.Usage;

namespace ControlPlane.Aggregation;

/// <summary>
/// Rolls the events up into daily usage, for the days that changed, and compares the result with the live counters.
/// A day has changed when its counters differ from its daily usage; so running it twice does nothing, and a counter that
/// drifted from its events shows up by itself.
/// </summary>
public sealed class RebuildDailyUsage(ControlDatabase database, Clock clock)
{
    static readonly TimeSpan Window = TimeSpan.FromDays(UsageAge.OpenDays);

    const int ReportedDrifts = 20;

    /// <param name="Drifts">One sentence for each counter that is not the sum of its events; the first twenty.</param>
    public sealed record Result(int Days, int TenantDays, IReadOnlyList<string> Drifts);

    public async Task<Result> RunAsync(CancellationToken ct)
    {
        var changed = await ChangedAsync(ct);
        var drifts = new List<string>();
        foreach (var day in changed.GroupBy(c => c.Day).OrderBy(g => g.Key))
        {
            drifts.AddRange(await RebuildAsync(day.Key, day.Select(c => c.Tenant).ToArray(), ct));
        }

        return new Result(changed.Select(c => c.Day).Distinct().Count(), changed.Count, drifts.Take(ReportedDrifts).ToList());
    }

    async Task<List<(Guid Tenant, DateOnly Day)>> ChangedAsync(CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        var from = DateOnly.FromDateTime((clock.GetUtcNow() - Window).UtcDateTime);
        return await transaction.QueryAsync(Changed, row => (row.GetGuid(0), row.GetFieldValue<DateOnly>(1)), ct, from);
    }

    async Task<List<string>> RebuildAsync(DateOnly day, Guid[] tenants, CancellationToken ct)
    {
        // One snapshot of events and counters, which always change together: what differs in it has drifted.
        await using var transaction = await database.BeginJobSnapshotAsync(ct);
        await transaction.ExecuteAsync("delete from control.daily_usage where day = $1 and tenant_id = any($2)", ct, day, tenants);
        var start = new DateTimeOffset(day, TimeOnly.MinValue, TimeSpan.Zero);
        await transaction.ExecuteAsync(Rebuild, ct, day, tenants, start, start.AddDays(1));
        var drifts = await transaction.QueryAsync(
            Drift,
            row => string.Create(
                CultureInfo.InvariantCulture,
                $"Tenant {row.GetGuid(0)}, {day:yyyy-MM-dd}, {row.GetString(1)}: the counter says {row.GetInt64(2)} tokens, the events say {row.GetInt64(3)}"),
            ct, day, tenants, ReportedDrifts);
        await transaction.CommitAsync(ct);
        return drifts;
    }

    // The days that are open, and further back when an operator replayed something older since.
    const string Changed = """
        with window_start as (
            select least($1::date, (select min(occurred_on) from control.quarantine where state = 'replayed' and replayed_at >= $1::date)) as day
        )
        select distinct coalesce(c.tenant_id, d.tenant_id), coalesce(c.day, d.day)
        from (select * from control.usage_counter where day >= (select day from window_start)) c
        full join (select * from control.daily_usage where day >= (select day from window_start)) d using (tenant_id, day, model, user_id)
        where (c.requests, c.prompt_tokens, c.completion_tokens, c.cost) is distinct from (d.requests, d.prompt_tokens, d.completion_tokens, d.cost)
        """;

    const string Rebuild = """
        insert into control.daily_usage (tenant_id, day, model, user_id, requests, prompt_tokens, completion_tokens, cost)
        select tenant_id, $1, model, user_id, count(*), sum(prompt_tokens), sum(completion_tokens), sum(cost)
        from control.usage_event where occurred_at >= $3 and occurred_at < $4 and tenant_id = any($2)
        group by tenant_id, model, user_id
        """;

    const string Drift = """
        select coalesce(c.tenant_id, d.tenant_id), coalesce(c.model, d.model),
               coalesce(c.prompt_tokens + c.completion_tokens, 0), coalesce(d.prompt_tokens + d.completion_tokens, 0)
        from (select * from control.usage_counter where day = $1 and tenant_id = any($2)) c
        full join (select * from control.daily_usage where day = $1 and tenant_id = any($2)) d using (tenant_id, model, user_id)
        where (c.requests, c.prompt_tokens, c.completion_tokens, c.cost) is distinct from (d.requests, d.prompt_tokens, d.completion_tokens, d.cost)
        limit $3
        """;
}
