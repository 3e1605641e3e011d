namespace ControlPlane.Metering.Quarantine;

public abstract record RequestBatchResult
{
    /// <summary>Also when the same request is in progress already.</summary>
    public sealed record Requested(QuarantineBatch Batch) : RequestBatchResult;
    public sealed record Invalid(FieldErrors Errors) : RequestBatchResult;
    /// <summary>No event with this reason is held.</summary>
    public sealed record NothingHeld : RequestBatchResult;
    /// <summary>Another batch with some of the same events is in progress: it would decide about them, or this one would.</summary>
    public sealed record InProgress(QuarantineBatch Batch) : RequestBatchResult;
}

/// <summary>Queues work on many held events. The job <c>quarantine</c> does it.</summary>
public sealed class QuarantineBatches(ControlDatabase database, Clock clock)
{
    public static readonly IReadOnlyList<string> Actions = ["replay", "discard"];

    /// <param name="tenant">null: all tenants.</param>
    /// <param name="reason">Required to discard.</param>
    public async Task<RequestBatchResult> RequestAsync(string? action, string? code, Guid? tenant, string? reason, string actor, CancellationToken ct)
    {
        if (Validate(action, code, reason) is { Count: > 0 } errors)
        {
            return new RequestBatchResult.Invalid(errors);
        }

        await using var transaction = await database.BeginJobAsync(ct);
        var id = Ids.New(clock);
        await transaction.ExecuteAsync(Serialize, ct);
        if (await transaction.FirstAsync(Insert, QuarantineBatchTable.Read, ct, code, tenant, id, action, action == "discard" ? reason!.Trim() : null, actor, clock.GetUtcNow()) is not { } batch)
        {
            return await transaction.FirstAsync(InProgress, QuarantineBatchTable.Read, ct, code, tenant) switch
            {
                null => new RequestBatchResult.NothingHeld(),
                var active when active.Action == action && active.Tenant == tenant => new RequestBatchResult.Requested(active),
                var active => new RequestBatchResult.InProgress(active),
            };
        }

        await transaction.AuditAsync(clock, tenant, actor, $"quarantine.{action}_requested", new { batch = id, code, batch.Total, reason }, ct);
        await transaction.AnnounceJobAsync(JobSchedules.Quarantine, tenant ?? Guid.Empty, ct);
        await transaction.CommitAsync(ct);
        return new RequestBatchResult.Requested(batch);
    }

    static FieldErrors Validate(string? action, string? code, string? reason)
    {
        var errors = action == "discard" ? DiscardQuarantined.ValidateReason(reason) : new FieldErrors();
        errors.Check("action", Actions.Contains(action) ? null : "Enter replay or discard.");
        errors.Check("code", code is { Length: > 0 and <= 100 } ? null : "Enter the reason that the events are held for, such as unknown_model.");
        return errors;
    }

    // One request at a time: the unique index does not see that a batch of all tenants overlaps with those of one.
    const string Serialize = "select pg_advisory_xact_lock(hashtextextended('control.quarantine_batch', 0))";

    const string Overlaps = "finished_at is null and code = $1 and ($2::uuid is null or tenant_id is null or tenant_id = $2)";

    const string InProgress = $"{QuarantineBatchTable.Select} where {Overlaps} order by tenant_id is not distinct from $2 desc, id limit 1";

    // Inserts nothing when a batch of the same events is in progress, or no event is held.
    const string Insert = $"""
        insert into control.quarantine_batch (id, action, code, tenant_id, reason, requested_by, requested_at, until_id, total)
        select $3, $4, $1, $2, $5, $6, $7, newest.id, newest.number
        from (select (select id from control.quarantine where state = 'held' and code = $1 and ($2::uuid is null or tenant_id = $2) order by id desc limit 1) as id,
                     count(*) as number
              from control.quarantine where state = 'held' and code = $1 and ($2::uuid is null or tenant_id = $2)) newest
        where newest.number > 0 and not exists (select from control.quarantine_batch where {Overlaps})
        on conflict do nothing returning {QuarantineBatchTable.Columns}
        """;
}
