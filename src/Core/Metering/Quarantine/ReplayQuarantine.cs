using ControlPlane.Metering.Ingestion;
using Npgsql;

namespace ControlPlane.Metering.Quarantine;

public abstract record ReplayResult
{
    /// <summary>The event is counted now, or was counted before.</summary>
    public sealed record Counted : ReplayResult;
    public sealed record StillHeld(Rejection Rejection) : ReplayResult;
    /// <summary>There is no such event, or it was discarded.</summary>
    public sealed record NotFound : ReplayResult;
}

/// <summary>Counts a held event after the cause of its rejection is fixed. Because an operator decides, older events are counted than senders may report.</summary>
public sealed class ReplayQuarantine(ControlDatabase database, RecordUsage recordUsage, Clock clock, RetentionPolicy retention)
{
    static readonly Rejection Detached = new(
        Rejection.Codes.TooOld, "the usage events of its billing period are detached or about to be, so it cannot be billed any more: charge it by hand and discard it");

    /// <param name="actor">For the audit log.</param>
    /// <param name="batch">The batch whose progress it is; null: a single replay.</param>
    public async Task<ReplayResult> RunAsync(Guid id, string actor, CancellationToken ct, Guid? batch = null)
    {
        var result = await CountAsync(id, actor, batch, ct);
        if (result is ReplayResult.StillHeld { Rejection: var rejection })
        {
            await using var transaction = await database.BeginJobAsync(ct, RecordUsage.LockTimeout);
            await transaction.RenewReasonAsync(id, rejection, ct);
            await transaction.RecordProgressAsync(batch, id, rejection.Code, ct);
            await transaction.CommitAsync(ct);
        }

        return result;
    }

    async Task<ReplayResult> CountAsync(Guid id, string actor, Guid? batch, CancellationToken ct)
    {
        DateOnly? day = null;
        try
        {
            return await Retry.OnConflictAsync(ReplayAsync, () => UsagePartitions.EnsureAsync(database, day is { } d ? [d] : [], ct), ct);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.CheckViolation && e.ConstraintName is null)
        {
            // The partition of its month cannot be created, because the month was detached under a shorter retention than today's.
            return new ReplayResult.StillHeld(Detached);
        }

        async Task<ReplayResult> ReplayAsync()
        {
            await using var transaction = await database.BeginJobAsync(ct, RecordUsage.LockTimeout);
            switch (await transaction.FindAsync(id, ct))
            {
                case null or { State: "discarded" }:
                    return new ReplayResult.NotFound();
                case { State: "replayed" }:
                    return new ReplayResult.Counted();
                case var held:
                    return await ReplayHeldAsync(transaction, held);
            }
        }

        async Task<ReplayResult> ReplayHeldAsync(Transaction transaction, HeldEvent held)
        {
            var submission = ReadUsage.Parse(held.Format, held.Raw);
            day = submission.Event?.Day;
            if (day < FirstBillableDay())
            {
                return new ReplayResult.StillHeld(Detached);
            }

            var counted = await recordUsage.ReplayAsync(transaction, held.Tenant, submission, ct);
            if (counted.Rejected.Select(r => r.Rejection).FirstOrDefault() is { } rejection)
            {
                // The transaction is rolled back: the row is held already.
                return new ReplayResult.StillHeld(rejection);
            }

            await transaction.MarkReplayedAsync(id, clock.GetUtcNow(), ct);
            await transaction.RecordProgressAsync(batch, id, stillHeld: null, ct);
            await transaction.AuditAsync(clock, held.Tenant, actor, "quarantine.replayed", new { id, held.Code }, ct);
            await transaction.CommitAsync(ct);
            return new ReplayResult.Counted();
        }
    }

    // Late usage is billed by comparison with all events of its period, so those have to be there.
    DateOnly FirstBillableDay() =>
        DateOnly.FromDateTime((clock.GetUtcNow() - retention[RetentionClasses.Usage]).UtcDateTime).AddDays(UsageAge.LongestPeriodInDays);
}
