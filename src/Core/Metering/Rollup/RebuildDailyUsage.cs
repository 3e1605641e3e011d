using System.Globalization;
using ControlPlane.Metering.Ingestion;

namespace ControlPlane.Metering.Rollup;

/// <summary>
/// Rolls the events up into daily usage, for the days that changed, and compares the result with the live counters.
/// A day has changed when its revision is not the one that was rolled up last; so running it twice does nothing. A day whose counters drifted
/// from its events stays changed, and is reported every night until somebody looked.
/// </summary>
public sealed class RebuildDailyUsage(ControlDatabase database, Clock clock)
{
    /// <summary>Days in which events can still arrive, and one more for the gateway whose clock is ahead. Of the days that did not change, one a
    /// night is compared all the same: whatever happens to a counter is seen within this many nights.</summary>
    const int Window = UsageAge.OpenDays;

    const int ReportedDrifts = 20;

    /// <param name="Drifts">One sentence for each counter that is not the sum of its events; the first twenty.</param>
    public sealed record Result(int Days, int TenantDays, IReadOnlyList<string> Drifts);

    public async Task<Result> RunAsync(CancellationToken ct)
    {
        var today = DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime);
        var changed = await ChangedAsync(today.AddDays(-Window), ct);
        var drifts = new List<string>();
        foreach (var day in changed)
        {
            drifts.AddRange(await RebuildAsync(day, ct));
        }

        var turn = today.AddDays(-1 - (today.DayNumber % Window));
        if (changed.All(c => c.Day != turn))
        {
            drifts.AddRange(await CompareAsync(turn, ct));
        }

        return new Result(changed.Count, changed.Sum(c => c.Changed), drifts.Take(ReportedDrifts).ToList());
    }

    async Task<List<ChangedDay>> ChangedAsync(DateOnly from, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.QueryAsync(Changed, row => new ChangedDay(row.GetFieldValue<DateOnly>(0), row.GetInt32(1), row.GetInt32(2)), ct, from);
    }

    async Task<List<string>> RebuildAsync(ChangedDay changed, CancellationToken ct)
    {
        var day = changed.Day;
        // One snapshot of revisions, events and counters, which always change together: what differs in it has drifted.
        await using var transaction = await database.BeginJobSnapshotAsync(ct);
        await transaction.ExecuteAsync(RollUp(changed), ct);
        await transaction.ExecuteAsync(Forget, ct, day);
        await transaction.ExecuteAsync(Insert, ct, day);
        var drifts = await DriftsAsync(transaction, day, ct);
        await transaction.ExecuteAsync(Done, ct, day, drifts.Select(drift => drift.Tenant).Distinct().ToArray());
        await transaction.CommitAsync(ct);
        return drifts.ConvertAll(drift => drift.Sentence);
    }

    async Task<List<string>> CompareAsync(DateOnly day, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return (await DriftsAsync(transaction, day, ct)).ConvertAll(drift => drift.Sentence);
    }

    static Task<List<(Guid Tenant, string Sentence)>> DriftsAsync(Transaction transaction, DateOnly day, CancellationToken ct) => transaction.QueryAsync(
        Drift,
        row => (row.GetGuid(0), string.Create(
            CultureInfo.InvariantCulture,
            $"Tenant {row.GetGuid(0)}, {day:yyyy-MM-dd}, {row.GetString(1)}: the counter says {row.GetInt64(2)} tokens, the events say {row.GetInt64(3)}")),
        ct, day);

    // The days that are open, and further back when an operator replayed something older since.
    const string Changed = """
        select day, changed::int, tenants::int from (
            select day, count(*) filter (where d.revision is distinct from r.revision) as changed, count(*) as tenants
            from control.usage_day d left join control.rolled_up_day r using (tenant_id, day)
            where day >= least($1::date, (select min(occurred_on) from control.quarantine where state = 'replayed' and replayed_at >= $1::date))
            group by day) days
        where changed > 0 order by day
        """;

    // $1: day.
    const string ChangedTenants = """
        (select d.tenant_id from control.usage_day d left join control.rolled_up_day r using (tenant_id, day) where d.day = $1 and d.revision is distinct from r.revision)
        """;

    // A table first, because PostgreSQL sums up in parallel for a table that it creates and not for rows that it inserts. Such a statement takes no
    // parameters, so the day is part of the text. The day after it nearly all of its tenants have changed, and it is read as a whole; later only few
    // have, and are looked up.
    static string RollUp(ChangedDay changed) => string.Create(CultureInfo.InvariantCulture, $"""
        create temporary table rolled_up on commit drop as
        select tenant_id, model, user_id, count(*) as requests, sum(prompt_tokens)::bigint as prompt_tokens, sum(completion_tokens)::bigint as completion_tokens,
               sum(cost) as cost
        from control.usage_event
        where occurred_at >= '{changed.Day:yyyy-MM-dd}Z' and occurred_at < '{changed.Day.AddDays(1):yyyy-MM-dd}Z'
          {(changed.IsMostOfIt ? "" : $"and tenant_id in {ChangedTenants.Replace("$1", $"date '{changed.Day:yyyy-MM-dd}'", StringComparison.Ordinal)}")}
        group by tenant_id, model, user_id
        """);

    const string Forget = $"delete from control.daily_usage where day = $1 and tenant_id in {ChangedTenants}";

    const string Insert = $"""
        insert into control.daily_usage (tenant_id, day, model, user_id, requests, prompt_tokens, completion_tokens, cost)
        select tenant_id, $1, model, user_id, requests, prompt_tokens, completion_tokens, cost from rolled_up where tenant_id in {ChangedTenants}
        """;

    /// <param name="Changed">Tenants whose usage of the day changed since it was rolled up.</param>
    /// <param name="Tenants">Tenants with usage on the day.</param>
    sealed record ChangedDay(DateOnly Day, int Changed, int Tenants)
    {
        public bool IsMostOfIt => Changed * 2 >= Tenants;
    }

    const string Drift = """
        select coalesce(c.tenant_id, d.tenant_id), coalesce(c.model, d.model),
               coalesce(c.prompt_tokens + c.completion_tokens, 0), coalesce(d.prompt_tokens + d.completion_tokens, 0)
        from (select * from control.usage_counter where day = $1) c
        full join (select * from control.daily_usage where day = $1) d using (tenant_id, model, user_id)
        where (c.requests, c.prompt_tokens, c.completion_tokens, c.cost) is distinct from (d.requests, d.prompt_tokens, d.completion_tokens, d.cost)
        """;

    // $2: tenants that stay changed because they drifted.
    const string Done = """
        insert into control.rolled_up_day as r (tenant_id, day, revision)
        select d.tenant_id, d.day, d.revision from control.usage_day d where d.day = $1 and d.tenant_id <> all ($2)
        on conflict (tenant_id, day) do update set revision = excluded.revision where r.revision <> excluded.revision
        """;
}
