using Microsoft.Extensions.Logging;
using Npgsql;

namespace ControlPlane.Metering.Quarantine;

/// <summary>
/// The job <c>quarantine</c>: works through the requested batches, oldest first, one event per transaction. The tenants of a batch take turns, each with its events
/// in the order in which they arrived, so one with many delays the others by a turn. The transaction also records that the batch has processed the event, so a killed run is continued where it stopped. The events of a tenant whose lock is
/// held by other work are left for the next run.
/// </summary>
public sealed class RunQuarantineBatches(
    ControlDatabase database, ReplayQuarantine replay, DiscardQuarantined discard, Clock clock, ILogger<RunQuarantineBatches> log)
{
    const int EventsPerTurn = 100;

    public async Task<JobReport> RunAsync(CancellationToken ct)
    {
        var run = new Run();
        foreach (var batch in await UnfinishedAsync(ct))
        {
            await ProcessAsync(batch, run, ct);
            await FinishAsync(batch, ct);
        }

        return JobReport.Of(("processed", run.Processed), ("still_held", run.StillHeld), ("tenants_busy", run.BusyTenants.Count));
    }

    async Task ProcessAsync(Batch batch, Run run, CancellationToken ct)
    {
        var turns = new Queue<(Guid Tenant, HeldEvent? After)>((await TenantsAsync(batch, ct)).Select(tenant => (tenant, (HeldEvent?)null)));
        while (turns.TryDequeue(out var turn))
        {
            var events = run.BusyTenants.Contains(turn.Tenant) ? [] : await EventsAsync(batch, turn.Tenant, turn.After, ct);
            foreach (var held in events.TakeWhile(_ => !run.BusyTenants.Contains(turn.Tenant)))
            {
                await ProcessAsync(batch, held, run, ct);
            }

            if (events.Count > 0)
            {
                turns.Enqueue((turn.Tenant, events[^1]));
            }
        }
    }

    async Task ProcessAsync(Batch batch, HeldEvent held, Run run, CancellationToken ct)
    {
        try
        {
            run.StillHeld += await SettleAsync(batch, held.Id, ct) ? 0 : 1;
            run.Processed++;
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure)
        {
            run.BusyTenants.Add(held.Tenant);
            log.LogWarning("Could not {Action} the held events of tenant {Tenant} now, because other work holds its lock: the next run does", batch.Action, held.Tenant);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.QueryCanceled || !e.IsDatabaseUnavailable())
        {
            // One event must not stop the others.
            log.LogError(e, "Could not {Action} the held event {Event} of tenant {Tenant}", batch.Action, held.Id, held.Tenant);
            await using var transaction = await database.BeginJobAsync(ct);
            await transaction.RecordProgressAsync(batch.Id, held.Id, "error", ct);
            await transaction.CommitAsync(ct);
            (run.StillHeld, run.Processed) = (run.StillHeld + 1, run.Processed + 1);
        }
    }

    /// <returns>Whether the event has left quarantine.</returns>
    async Task<bool> SettleAsync(Batch batch, Guid id, CancellationToken ct)
    {
        if (batch.Action == "discard")
        {
            await discard.RunAsync(id, batch.Reason, batch.RequestedBy, ct, batch.Id);
            return true;
        }

        return await replay.RunAsync(id, batch.RequestedBy, ct, batch.Id) is not ReplayResult.StillHeld;
    }

    async Task<List<Batch>> UnfinishedAsync(CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.QueryAsync(Unfinished, row => new Batch(row.GetGuid(0), row.GetString(1), row.Get<string>(2), row.GetString(3)), ct);
    }

    async Task<List<Guid>> TenantsAsync(Batch batch, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.QueryAsync(Tenants, row => row.GetGuid(0), ct, batch.Id);
    }

    async Task<List<HeldEvent>> EventsAsync(Batch batch, Guid tenant, HeldEvent? after, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.QueryAsync(
            Events, row => new HeldEvent(row.GetGuid(0), tenant, row.GetFieldValue<DateTimeOffset>(1)), ct, batch.Id, tenant, EventsPerTurn, after?.ReceivedAt, after?.Id);
    }

    /// <summary>Unless events are left, because their tenant was busy or a transaction added them late.</summary>
    async Task FinishAsync(Batch batch, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        await transaction.ExecuteAsync(Finish, ct, batch.Id, clock.GetUtcNow());
        await transaction.CommitAsync(ct);
    }

    sealed record Batch(Guid Id, string Action, string? Reason, string RequestedBy);

    sealed record HeldEvent(Guid Id, Guid Tenant, DateTimeOffset ReceivedAt);

    sealed class Run
    {
        public long Processed { get; set; }
        public long StillHeld { get; set; }
        /// <summary>Tenants whose lock was not free. They are not tried again in this run.</summary>
        public HashSet<Guid> BusyTenants { get; } = [];
    }

    const string Unfinished = "select id, action, reason, requested_by from control.quarantine_batch where finished_at is null order by id";

    // Batches that the former release has begun continue after the position that it has reached.
    const string IsOpen = """
        q.state = 'held' and q.code = b.code and (b.tenant_id is null or q.tenant_id = b.tenant_id) and q.id <= b.until_id
              and (b.after_id is null or q.id > b.after_id) and q.last_batch_id is distinct from b.id
        """;

    const string Tenants = $"""
        select q.tenant_id from control.quarantine_batch b join control.quarantine q on {IsOpen}
        where b.id = $1 group by q.tenant_id order by min(q.received_at)
        """;

    // $4, $5: the last event of the tenant's former turn; events of one delivery have the same time.
    const string Events = $"""
        select e.id, e.received_at from control.quarantine_batch b, lateral (
            select id, received_at from control.quarantine q
            where {IsOpen} and q.tenant_id = $2 and ($4::timestamptz is null or (q.received_at, q.id) > ($4, $5))
            order by q.received_at, q.id limit $3) e
        where b.id = $1 order by e.received_at, e.id
        """;

    const string Finish = $"""
        update control.quarantine_batch b set finished_at = $2 where b.id = $1 and not exists (select from control.quarantine q where {IsOpen})
        """;
}
