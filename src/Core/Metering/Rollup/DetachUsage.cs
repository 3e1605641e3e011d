using Microsoft.Extensions.Logging;

namespace ControlPlane.Metering.Rollup;

/// <summary>
/// Detaches the months of usage events whose retention is over, once every invoice that carries one of their events exists. A detached month is a table
/// of its own that only the schema's owner can read, to be exported and dropped. Daily sums stay.
/// </summary>
public sealed class DetachUsage(ControlDatabase database, Clock clock, RetentionPolicy retention, ILogger<DetachUsage> log)
{
    public async Task<JobReport> RunAsync(CancellationToken ct)
    {
        var results = new List<(DateOnly Month, string Outcome)>();
        var parts = new JobParts(JobSchedules.Retention, log);
        foreach (var month in await ExpiredAsync(ct))
        {
            await parts.TryAsync($"detach the usage events of {month:yyyy-MM}", tenant: null, async () => results.Add((month, await DetachAsync(month, ct))), ct);
            if (results is [.., (_, Busy)])
            {
                // Usage is read, written or invoiced at this moment. The next run tries again.
                break;
            }
        }

        return JobReport.Of(("usage_months", results.Count(result => result.Outcome == Detached)), ("usage_months_postponed", results.Count(result => result.Outcome == Busy))) with
        {
            Alerts = [.. results.Where(result => result.Outcome == NotInvoiced).Select(result =>
                $"The usage events of {result.Month:yyyy-MM} are older than their retention, but not all of them are invoiced: run the job billing and see its alerts")],
            Failures = parts.Failures,
        };
    }

    async Task<string> DetachAsync(DateOnly month, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        var outcome = await transaction.ScalarAsync<string>("select control.detach_usage_partition($1)", ct, month);
        if (outcome == Detached)
        {
            await transaction.AuditAsync(clock, null, "job:retention", "usage.detached", new { month }, ct);
            await transaction.CommitAsync(ct);
        }

        return outcome!;
    }

    async Task<List<DateOnly>> ExpiredAsync(CancellationToken ct)
    {
        var before = DateOnly.FromDateTime((clock.GetUtcNow() - retention[RetentionClasses.Usage]).UtcDateTime);
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.QueryAsync(Expired, row => row.GetFieldValue<DateOnly>(0), ct, before);
    }

    // As the function returns them.
    const string Detached = "detached", NotInvoiced = "not_invoiced", Busy = "busy";

    const string Expired = """
        select m.month from pg_inherits i join pg_class c on c.oid = i.inhrelid, lateral (select to_date(right(c.relname, 7), 'YYYY_MM') as month) m
        where i.inhparent = 'control.usage_event'::regclass and m.month + interval '1 month' <= $1 order by m.month
        """;
}
