namespace ControlPlane.Metering.Ingestion;

public abstract record ReplayResult
{
    /// <summary>The event is counted now, or was counted before.</summary>
    public sealed record Counted : ReplayResult;
    public sealed record StillHeld(Rejection Rejection) : ReplayResult;
    public sealed record NotFound : ReplayResult;
}

/// <summary>Counts a held event after the cause of its rejection is fixed. Because an operator decides, events of any age are counted.</summary>
public sealed class ReplayQuarantine(ControlDatabase database, RecordUsage recordUsage, Clock clock)
{
    public Task<ReplayResult> RunAsync(Guid id, CancellationToken ct)
    {
        DateOnly? day = null;
        return Retry.OnConflictAsync<ReplayResult>(ReplayAsync, () => UsagePartitions.EnsureAsync(database, day is { } d ? [d] : [], ct), ct);

        async Task<ReplayResult> ReplayAsync()
        {
            await using var transaction = await database.BeginJobAsync(ct, RecordUsage.LockTimeout);
            if (await transaction.FindAsync(id, ct) is not { } held)
            {
                return new ReplayResult.NotFound();
            }

            if (held.State == "replayed")
            {
                return new ReplayResult.Counted();
            }

            var submission = ReadUsage.Parse(held.Format, held.Raw);
            day = submission.Event?.Day;
            var batch = await recordUsage.ReplayAsync(transaction, held.Tenant, submission, ct);
            if (batch.Rejected.Select(r => r.Rejection).FirstOrDefault() is { } rejection)
            {
                // The transaction is rolled back: the row is held already.
                return new ReplayResult.StillHeld(rejection);
            }

            await transaction.MarkReplayedAsync(id, clock.GetUtcNow(), ct);
            await transaction.AuditAsync(clock, held.Tenant, "operator", "quarantine.replayed", new { id, held.Code }, ct);
            await transaction.CommitAsync(ct);
            return new ReplayResult.Counted();
        }
    }
}
