using System.Globalization;
using ControlPlane.Metering.Ingestion;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Metering.Rollup;

/// <summary>
/// Rolls up the events of changed days into daily usage, and compares the result with the live counters. A day has changed when its revision differs
/// from the revision that was rolled up last, so a second run does nothing. A day whose counters drifted from its events stays changed and is reported
/// every night until it is fixed. All tenants of a day are rolled up together, except large ones: each in a transaction of its own, so that it fails alone.
/// </summary>
public sealed class RebuildDailyUsage(ControlDatabase database, Clock clock, ILogger<RebuildDailyUsage> log)
{
    /// <summary>Days for which events can still arrive. Each night, one of the unchanged days is compared as well, so drift in any counter is
    /// detected within this many nights.</summary>
    const int Window = UsageAge.OpenDays;

    const int MaxReportedDrifts = 20;

    /// <summary>Counters of a day that make a tenant a large one.</summary>
    const int LargeTenant = 50_000;

    /// <returns>Its alerts: one sentence per counter that differs from the sum of its events; twenty at most.</returns>
    public async Task<JobReport> RunAsync(CancellationToken ct)
    {
        var today = DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime);
        var changed = await ChangedDaysAsync(today.AddDays(-Window), ct);
        var (drifts, days, tenantDays) = (new List<string>(), 0, 0);
        var parts = new JobParts(JobSchedules.Nightly, log);
        foreach (var day in changed)
        {
            List<Guid> large = [];
            var done = await parts.TryAsync($"find large tenants of {day.Day:yyyy-MM-dd}", tenant: null, async () => large = await LargeTenantsAsync(day, ct), ct);
            foreach (var (part, tenant, tenants) in PartsOf(day, large))
            {
                var rebuilt = await parts.TryAsync($"rebuild daily usage of {day.Day:yyyy-MM-dd}", tenant, async () => drifts.AddRange(await RebuildAsync(part, ct)), ct);
                (done, tenantDays) = (done && rebuilt, tenantDays + (rebuilt ? tenants : 0));
            }

            days += done ? 1 : 0;
        }

        var auditedDay = today.AddDays(-1 - (today.DayNumber % Window));
        if (changed.All(c => c.Day != auditedDay))
        {
            await parts.TryAsync($"compare the counters of {auditedDay:yyyy-MM-dd}", tenant: null, async () => drifts.AddRange(await CompareAsync(auditedDay, ct)), ct);
        }

        return JobReport.Of(("days", days), ("tenant_days", tenantDays)) with { Alerts = [.. drifts.Take(MaxReportedDrifts)], Failures = parts.Failures };
    }

    async Task<List<ChangedDay>> ChangedDaysAsync(DateOnly from, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.QueryAsync(SelectChangedDays, row => new ChangedDay(row.GetFieldValue<DateOnly>(0), row.GetInt32(1), row.GetInt32(2)), ct, from);
    }

    static IEnumerable<(Part Part, Guid? Tenant, int Tenants)> PartsOf(ChangedDay day, List<Guid> large)
    {
        if (day.ChangedTenants > large.Count)
        {
            yield return (Part.Without(large, day), null, day.ChangedTenants - large.Count);
        }

        foreach (var tenant in large)
        {
            yield return (Part.Of(tenant, day), tenant, 1);
        }
    }

    async Task<List<Guid>> LargeTenantsAsync(ChangedDay changed, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.QueryAsync(SelectLargeTenants, row => row.GetGuid(0), ct, changed.Day, LargeTenant);
    }

    async Task<List<string>> RebuildAsync(Part part, CancellationToken ct)
    {
        // A snapshot, because revisions, events and counters change in one transaction: any difference within it is drift.
        await using var transaction = await database.BeginJobSnapshotAsync(ct);
        await transaction.ExecuteAsync(RollUp(part), ct);
        await transaction.ExecuteAsync($"delete from control.daily_usage where day = $1 and tenant_id in {part.ChangedTenants}", ct, part.Day);
        await transaction.ExecuteAsync(InsertRolledUp(part), ct, part.Day);
        var drifts = await DriftsAsync(transaction, part.Day, part.Tenants, ct);
        await transaction.ExecuteAsync(UpsertRevisions(part), ct, part.Day, drifts.Select(drift => drift.Tenant).Distinct().ToArray());
        await transaction.CommitAsync(ct);
        return drifts.ConvertAll(drift => drift.Sentence);
    }

    async Task<List<string>> CompareAsync(DateOnly day, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return (await DriftsAsync(transaction, day, tenants: "true", ct)).ConvertAll(drift => drift.Sentence);
    }

    static Task<List<(Guid Tenant, string Sentence)>> DriftsAsync(Transaction transaction, DateOnly day, string tenants, CancellationToken ct) => transaction.QueryAsync(
        SelectDrifts(tenants),
        row => (row.GetGuid(0), string.Create(
            CultureInfo.InvariantCulture,
            $"Tenant {row.GetGuid(0)}, {day:yyyy-MM-dd}, {row.GetString(1)}: the counter says {row.GetInt64(2)} tokens, the events say {row.GetInt64(3)}")),
        ct, day);

    // Open days, and earlier ones if an operator replayed an older event.
    const string SelectChangedDays = """
        select day, changed::int, tenants::int from (
            select day, count(*) filter (where d.revision is distinct from r.revision) as changed, count(*) as tenants
            from control.usage_day d left join control.rolled_up_day r using (tenant_id, day)
            where day >= least($1::date, (select min(occurred_on) from control.quarantine where state = 'replayed' and replayed_at >= $1::date))
            group by day) days
        where changed > 0 order by day
        """;

    // $1: day.
    const string SelectChangedTenants = """
        select d.tenant_id from control.usage_day d left join control.rolled_up_day r using (tenant_id, day) where d.day = $1 and d.revision is distinct from r.revision
        """;

    const string SelectLargeTenants = $"""
        select tenant_id from control.usage_counter where day = $1 and tenant_id in ({SelectChangedTenants}) group by tenant_id having count(*) > $2 order by tenant_id
        """;

    // Creates a table first, because PostgreSQL aggregates in parallel for "create table as" but not for "insert". The statement accepts no parameters, so
    // the day is part of its text. If most tenants of the day have changed, the whole day is read; otherwise the changed tenants are looked up.
    static string RollUp(Part part) => string.Create(CultureInfo.InvariantCulture, $"""
        create temporary table rolled_up on commit drop as
        select tenant_id, model, user_id, count(*) as requests, sum(prompt_tokens)::bigint as prompt_tokens, sum(completion_tokens)::bigint as completion_tokens,
               sum(cost) as cost
        from control.usage_event
        where occurred_at >= '{part.Day:yyyy-MM-dd}Z' and occurred_at < '{part.Day.AddDays(1):yyyy-MM-dd}Z' and {part.Tenants}
          {(part.ReadsWholeDay ? "" : $"and tenant_id in {part.ChangedTenants.Replace("$1", $"date '{part.Day:yyyy-MM-dd}'", StringComparison.Ordinal)}")}
        group by tenant_id, model, user_id
        """);

    static string InsertRolledUp(Part part) => $"""
        insert into control.daily_usage (tenant_id, day, model, user_id, requests, prompt_tokens, completion_tokens, cost)
        select tenant_id, $1, model, user_id, requests, prompt_tokens, completion_tokens, cost from rolled_up where tenant_id in {part.ChangedTenants}
        """;

    static string SelectDrifts(string tenants) => $"""
        select coalesce(c.tenant_id, d.tenant_id), coalesce(c.model, d.model),
               coalesce(c.prompt_tokens + c.completion_tokens, 0), coalesce(d.prompt_tokens + d.completion_tokens, 0)
        from (select * from control.usage_counter where day = $1 and {tenants}) c
        full join (select * from control.daily_usage where day = $1 and {tenants}) d using (tenant_id, model, user_id)
        where (c.requests, c.prompt_tokens, c.completion_tokens, c.cost) is distinct from (d.requests, d.prompt_tokens, d.completion_tokens, d.cost)
        """;

    // $2: tenants whose counters drifted; they stay changed.
    static string UpsertRevisions(Part part) => $"""
        insert into control.rolled_up_day as r (tenant_id, day, revision)
        select tenant_id, day, revision from control.usage_day where day = $1 and {part.Tenants} and tenant_id <> all ($2)
        on conflict (tenant_id, day) do update set revision = excluded.revision where r.revision <> excluded.revision
        """;

    /// <param name="ChangedTenants">Tenants whose usage of the day changed since the last rollup.</param>
    /// <param name="AllTenants">Tenants with usage on the day.</param>
    sealed record ChangedDay(DateOnly Day, int ChangedTenants, int AllTenants);

    /// <summary>Tenants of a day that are rolled up together.</summary>
    /// <param name="Tenants">A condition on <c>tenant_id</c>.</param>
    /// <param name="ReadsWholeDay">Reads the events of all these tenants and not only of those that changed.</param>
    sealed record Part(DateOnly Day, string Tenants, bool ReadsWholeDay)
    {
        public static Part Of(Guid tenant, ChangedDay changed) => new(changed.Day, $"tenant_id = '{tenant}'", ReadsWholeDay: true);

        public static Part Without(List<Guid> large, ChangedDay changed) => new(
            changed.Day, large.Count == 0 ? "true" : $"tenant_id <> all ('{{{string.Join(',', large)}}}'::uuid[])", changed.ChangedTenants * 2 >= changed.AllTenants);

        public string ChangedTenants => $"(select tenant_id from ({SelectChangedTenants}) changed where {Tenants})";
    }
}
