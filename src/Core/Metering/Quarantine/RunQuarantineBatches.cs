using Microsoft.Extensions.Logging;
using Npgsql;

namespace ControlPlane.Metering.Quarantine;

/// <summary>
/// The job <c>quarantine</c>: works through the requested batches, oldest first, one event per transaction. The transaction also moves the batch's
/// progress, so a killed run is continued where it stopped.
/// </summary>
public sealed class RunQuarantineBatches(
    ControlDatabase database, ReplayQuarantine replay, DiscardQuarantined discard, Clock clock, ILogger<RunQuarantineBatches> log)
{
    const int EventsPerPiece = 100;

    public async Task<JobReport> RunAsync(CancellationToken ct)
    {
        var (processed, stillHeld) = (0L, 0L);
        while (await NextAsync(ct) is { } batch)
        {
            var events = await EventsAsync(batch, ct);
            foreach (var id in events)
            {
                stillHeld += await ProcessAsync(batch, id, ct) ? 0 : 1;
                processed++;
            }

            if (events.Count < EventsPerPiece)
            {
                await FinishAsync(batch, ct);
            }
        }

        return JobReport.Of(("processed", processed), ("still_held", stillHeld));
    }

    /// <returns>Whether the event has left quarantine.</returns>
    async Task<bool> ProcessAsync(Batch batch, Guid id, CancellationToken ct)
    {
        try
        {
            if (batch.Action == "discard")
            {
                await discard.RunAsync(id, batch.Reason, batch.RequestedBy, ct, batch.Id);
                return true;
            }

            return await replay.RunAsync(id, batch.RequestedBy, ct, batch.Id) is not ReplayResult.StillHeld;
        }
        catch (PostgresException e)
        {
            // One event must not stop the others.
            log.LogError(e, "Could not {Action} the held event {Event}", batch.Action, id);
            await using var transaction = await database.BeginJobAsync(ct);
            await transaction.RecordProgressAsync(batch.Id, id, "error", ct);
            await transaction.CommitAsync(ct);
            return false;
        }
    }

    async Task<Batch?> NextAsync(CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.FirstAsync(Next, row => new Batch(row.GetGuid(0), row.GetString(1), row.Get<string>(2), row.GetString(3)), ct);
    }

    async Task<List<Guid>> EventsAsync(Batch batch, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.QueryAsync(Events, row => row.GetGuid(0), ct, batch.Id, EventsPerPiece);
    }

    async Task FinishAsync(Batch batch, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        await transaction.ExecuteAsync("update control.quarantine_batch set finished_at = $2 where id = $1", ct, batch.Id, clock.GetUtcNow());
        await transaction.CommitAsync(ct);
    }

    sealed record Batch(Guid Id, string Action, string? Reason, string RequestedBy);

    const string Next = "select id, action, reason, requested_by from control.quarantine_batch where finished_at is null order by id limit 1";

    const string Events = """
        select q.id from control.quarantine_batch b, lateral (
            select id from control.quarantine
            where state = 'held' and code = b.code and (b.tenant_id is null or tenant_id = b.tenant_id)
              and (b.after_id is null or id > b.after_id) and id <= b.until_id
            order by id limit $2) q
        where b.id = $1 order by q.id
        """;
}
