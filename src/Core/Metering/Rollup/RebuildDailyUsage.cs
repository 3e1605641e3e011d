using System.Globalization;
using ControlPlane.Metering.Ingestion;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Metering.Rollup;

/// <summary>
/// Rolls up the events of changed days into daily usage, and compares the result with the live counters. A day has changed when its revision differs
/// from the revision that was rolled up last, so a second run does nothing. A day whose counters drifted from its events stays changed and is reported
/// every night until it is fixed.
/// </summary>
public sealed class RebuildDailyUsage(ControlDatabase database, Clock clock, ILogger<RebuildDailyUsage> log)
{
    /// <summary>Days for which events can still arrive. Each night, one of the unchanged days is compared as well, so drift in any counter is
    /// detected within this many nights.</summary>
    const int Window = UsageAge.OpenDays;

    const int MaxReportedDrifts = 20;

    /// <returns>Its alerts: one sentence per counter that differs from the sum of its events; twenty at most.</returns>
    public async Task<JobReport> RunAsync(CancellationToken ct)
    {
        var today = DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime);
        var changed = await ChangedDaysAsync(today.AddDays(-Window), ct);
        var (drifts, days, tenantDays) = (new List<string>(), 0, 0);
        var parts = new JobParts(JobSchedules.Nightly, log);
        foreach (var day in changed)
        {
            if (await parts.TryAsync($"rebuild daily usage of {day.Day:yyyy-MM-dd}", tenant: null, async () => drifts.AddRange(await RebuildAsync(day, ct)), ct))
            {
                (days, tenantDays) = (days + 1, tenantDays + day.ChangedTenants);
            }
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

    async Task<List<string>> RebuildAsync(ChangedDay changed, CancellationToken ct)
    {
        var day = changed.Day;
        // A snapshot, because revisions, events and counters change in one transaction: any difference within it is drift.
        await using var transaction = await database.BeginJobSnapshotAsync(ct);
        await transaction.ExecuteAsync(RollUp(changed), ct);
        await transaction.ExecuteAsync(DeleteChangedTenants, ct, day);
        await transaction.ExecuteAsync(InsertRolledUp, ct, day);
        var drifts = await DriftsAsync(transaction, day, ct);
        await transaction.ExecuteAsync(UpsertRevisions, ct, day, drifts.Select(drift => drift.Tenant).Distinct().ToArray());
        await transaction.CommitAsync(ct);
        return drifts.ConvertAll(drift => drift.Sentence);
    }

    async Task<List<string>> CompareAsync(DateOnly day, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return (await DriftsAsync(transaction, day, ct)).ConvertAll(drift => drift.Sentence);
    }

    static Task<List<(Guid Tenant, string Sentence)>> DriftsAsync(Transaction transaction, DateOnly day, CancellationToken ct) => transaction.QueryAsync(
        SelectDrifts,
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
        (select d.tenant_id from control.usage_day d left join control.rolled_up_day r using (tenant_id, day) where d.day = $1 and d.revision is distinct from r.revision)
        """;

    // Creates a table first, because PostgreSQL aggregates in parallel for "create table as" but not for "insert". The statement accepts no parameters, so
    // the day is part of its text. If most tenants of the day have changed, the whole day is read; otherwise the changed tenants are looked up.
    static string RollUp(ChangedDay changed) => string.Create(CultureInfo.InvariantCulture, $"""
        create temporary table rolled_up on commit drop as
        select tenant_id, model, user_id, count(*) as requests, sum(prompt_tokens)::bigint as prompt_tokens, sum(completion_tokens)::bigint as completion_tokens,
               sum(cost) as cost
        from control.usage_event
        where occurred_at >= '{changed.Day:yyyy-MM-dd}Z' and occurred_at < '{changed.Day.AddDays(1):yyyy-MM-dd}Z'
          {(changed.AffectsMostTenants ? "" : $"and tenant_id in {SelectChangedTenants.Replace("$1", $"date '{changed.Day:yyyy-MM-dd}'", StringComparison.Ordinal)}")}
        group by tenant_id, model, user_id
        """);

    const string DeleteChangedTenants = $"delete from control.daily_usage where day = $1 and tenant_id in {SelectChangedTenants}";

    const string InsertRolledUp = $"""
        insert into control.daily_usage (tenant_id, day, model, user_id, requests, prompt_tokens, completion_tokens, cost)
        select tenant_id, $1, model, user_id, requests, prompt_tokens, completion_tokens, cost from rolled_up where tenant_id in {SelectChangedTenants}
        """;

    /// <param name="ChangedTenants">Tenants whose usage of the day changed since the last rollup.</param>
    /// <param name="AllTenants">Tenants with usage on the day.</param>
    sealed record ChangedDay(DateOnly Day, int ChangedTenants, int AllTenants)
    {
        public bool AffectsMostTenants => ChangedTenants * 2 >= AllTenants;
    }

    const string SelectDrifts = """
        select coalesce(c.tenant_id, d.tenant_id), coalesce(c.model, d.model),
               coalesce(c.prompt_tokens + c.completion_tokens, 0), coalesce(d.prompt_tokens + d.completion_tokens, 0)
        from (select * from control.usage_counter where day = $1) c
        full join (select * from control.daily_usage where day = $1) d using (tenant_id, model, user_id)
        where (c.requests, c.prompt_tokens, c.completion_tokens, c.cost) is distinct from (d.requests, d.prompt_tokens, d.completion_tokens, d.cost)
        """;

    // $2: tenants whose counters drifted; they stay changed.
    const string UpsertRevisions = """
        insert into control.rolled_up_day as r (tenant_id, day, revision)
        select d.tenant_id, d.day, d.revision from control.usage_day d where d.day = $1 and d.tenant_id <> all ($2)
        on conflict (tenant_id, day) do update set revision = excluded.revision where r.revision <> excluded.revision
        """;
}
