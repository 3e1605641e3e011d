using ControlPlane.Metering.Ingestion;

namespace ControlPlane.Metering.Quarantine;

public abstract record DiscardResult
{
    /// <summary>The event is discarded now, or was before.</summary>
    public sealed record Discarded : DiscardResult;
    /// <summary>There is no such event, or it was counted.</summary>
    public sealed record NotFound : DiscardResult;
    public sealed record Invalid(FieldErrors Errors) : DiscardResult;
}

/// <summary>Decides that a held event will never be counted. It is deleted after the retention of quarantine.</summary>
public sealed class DiscardQuarantined(ControlDatabase database, Clock clock)
{
    const int MaximumReasonLength = 500;

    /// <param name="reason">For the audit log.</param>
    /// <param name="batch">The batch whose progress it is; null: a single event.</param>
    public async Task<DiscardResult> RunAsync(Guid id, string? reason, string actor, CancellationToken ct, Guid? batch = null)
    {
        if (ValidateReason(reason) is { Count: > 0 } errors)
        {
            return new DiscardResult.Invalid(errors);
        }

        await using var transaction = await database.BeginJobAsync(ct, RecordUsage.LockTimeout);
        switch (await transaction.FindAsync(id, ct))
        {
            case null or { State: "replayed" }:
                return new DiscardResult.NotFound();
            case { State: "discarded" }:
                return new DiscardResult.Discarded();
            case var held:
                await transaction.MarkDiscardedAsync(id, clock.GetUtcNow(), ct);
                await transaction.RecordProgressAsync(batch, id, stillHeld: null, ct);
                await transaction.AuditAsync(clock, held.Tenant, actor, "quarantine.discarded", new { id, held.Code, reason = reason!.Trim() }, ct);
                await transaction.CommitAsync(ct);
                return new DiscardResult.Discarded();
        }
    }

    internal static FieldErrors ValidateReason(string? reason)
    {
        var errors = new FieldErrors();
        errors.Check("reason", reason?.Trim() is { Length: > 0 and <= MaximumReasonLength } ? null : $"Enter why the usage will not be counted, in up to {MaximumReasonLength} characters.");
        return errors;
    }
}
