namespace ControlPlane.Metering.Rollup;

/// <summary>
/// Detaches the months of usage events whose retention is over, once every invoice that carries one of their events exists. A detached month is a table
/// of its own that only the schema's owner can read, to be exported and dropped. Daily sums stay.
/// </summary>
public sealed class DetachUsage(ControlDatabase database, Clock clock, RetentionPolicy retention)
{
    public async Task<JobReport> RunAsync(CancellationToken ct)
    {
        var detached = 0;
        var alerts = new List<string>();
        foreach (var month in await ExpiredAsync(ct))
        {
            await using var transaction = await database.BeginJobAsync(ct);
            switch (await transaction.ScalarAsync<string>("select control.detach_usage_partition($1)", ct, month))
            {
                case "detached":
                    await transaction.AuditAsync(clock, null, "job:retention", "usage.detached", new { month }, ct);
                    await transaction.CommitAsync(ct);
                    detached++;
                    break;
                case "not_invoiced":
                    alerts.Add($"The usage events of {month:yyyy-MM} are older than their retention, but not all of them are invoiced: run the job billing and see its alerts");
                    break;
                default:
                    // Usage is read or written at this moment. The next run tries again.
                    break;
            }
        }

        return JobReport.Of(("usage_months", detached)) with { Alerts = alerts };
    }

    async Task<List<DateOnly>> ExpiredAsync(CancellationToken ct)
    {
        var before = DateOnly.FromDateTime((clock.GetUtcNow() - retention[RetentionClasses.Usage]).UtcDateTime);
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.QueryAsync(Expired, row => row.GetFieldValue<DateOnly>(0), ct, before);
    }

    const string Expired = """
        select m.month from pg_inherits i join pg_class c on c.oid = i.inhrelid, lateral (select to_date(right(c.relname, 7), 'YYYY_MM') as month) m
        where i.inhparent = 'control.usage_event'::regclass and m.month + interval '1 month' <= $1 order by m.month
        """;
}
