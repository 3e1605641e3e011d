using ControlPlane.Accounts.ApiKeys;
using ControlPlane.Limits;
using ControlPlane.Metering;
using Microsoft.Extensions.Logging;

namespace ControlPlane.Privacy;

/// <summary>
/// Replaces the ids of erased persons in usage, in pieces that are committed one by one: what is interrupted continues where it stopped. Tenants take turns, so one
/// in which a stranger has reported any number of events under a person's id delays no other, and each fails alone.
/// </summary>
public sealed class EraseUsage(ControlDatabase database, Clock clock, ILogger<EraseUsage> log)
{
    /// <summary>Ingestion and invoicing hold a tenant's locks for fractions of a second.</summary>
    static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(5);

    static readonly TimeSpan TimePerRun = TimeSpan.FromMinutes(2);

    /// <summary>A part of the job <c>retention</c>: what requests have left.</summary>
    /// <returns>A failure if usage is left, so that the job is repeated.</returns>
    public async Task<JobReport> RunAsync(CancellationToken ct)
    {
        var (events, failures) = await RunAsync(TimePerRun, ErasedUsage.EventsPerPiece, ct);
        var left = await LeftAsync(ct);
        return JobReport.Of(("erased_events", events)) with
        {
            Failures = [.. failures, .. left == 0 ? (string[])[] : [$"The usage of {left} user ids is still to be erased. The next run continues."]],
        };
    }

    /// <param name="time">After it no further piece begins.</param>
    /// <returns>Events changed, and one sentence for each tenant that failed.</returns>
    internal async Task<(long Events, IReadOnlyList<string> Failures)> RunAsync(TimeSpan time, int eventsPerPiece, CancellationToken ct)
    {
        var until = clock.Wall + time;
        var (events, failed) = (0L, new HashSet<Guid>());
        var parts = new JobParts(JobSchedules.Retention, log);
        while (clock.Wall < until && await TenantsAsync(failed, ct) is { Count: > 0 } tenants)
        {
            foreach (var tenant in tenants.TakeWhile(_ => clock.Wall < until))
            {
                if (!await parts.TryAsync("erase usage", tenant, async () => events += await ErasePieceAsync(tenant, eventsPerPiece, ct), ct))
                {
                    failed.Add(tenant);
                }
            }
        }

        return (events, parts.Failures);
    }

    async Task<int> ErasePieceAsync(Guid tenant, int maximum, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct, LockTimeout);
        // Another process may be erasing the same user: then its piece comes first.
        var erasure = await transaction.FirstAsync(Next, row => new Erasure(row.GetString(0), row.GetString(1), row.GetString(2), row.GetInt64(3)), ct, tenant);
        if (erasure is null)
        {
            return 0;
        }

        var (events, isFinished) = await transaction.EraseUsagePieceAsync(tenant, erasure.User, erasure.Pseudonym, maximum, ct);
        if (isFinished)
        {
            await transaction.EraseKeyUserAsync(clock, tenant, erasure.User, erasure.Pseudonym, ct);
            await transaction.EraseLimitsAsync(tenant, erasure.User, erasure.Pseudonym, ct);
            await transaction.ExecuteAsync(Delete, ct, tenant, erasure.User);
            await transaction.AuditAsync(clock, tenant, erasure.RequestedBy, "person.erased", new { users = 1, events = erasure.Events + events }, ct);
        }
        else
        {
            await transaction.ExecuteAsync(AddEvents, ct, tenant, erasure.User, events);
        }

        await transaction.CommitAsync(ct);
        return events;
    }

    async Task<List<Guid>> TenantsAsync(IEnumerable<Guid> except, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.QueryAsync(Tenants, row => row.GetGuid(0), ct, except.ToArray());
    }

    async Task<long> LeftAsync(CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.ScalarAsync<long>("select count(*) from control.erasure", ct);
    }

    /// <param name="Events">Changed so far.</param>
    sealed record Erasure(string User, string Pseudonym, string RequestedBy, long Events);

    // In random order, so that none is always left over.
    const string Tenants = "select tenant_id from control.erasure where tenant_id <> all($1) group by tenant_id order by random()";

    const string Next = """
        select user_id, pseudonym, requested_by, events from control.erasure where tenant_id = $1 order by requested_at, user_id limit 1 for update
        """;

    const string AddEvents = "update control.erasure set events = events + $3 where tenant_id = $1 and user_id = $2";

    const string Delete = "delete from control.erasure where tenant_id = $1 and user_id = $2";
}
