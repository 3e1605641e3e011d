namespace ControlPlane.Platform.Jobs;

/// <summary>Items of a queue that are not tried again.</summary>
public static class DeadItems
{
    /// <summary>Decides that one of them is never delivered, and records who did.</summary>
    /// <param name="discard">SQL: marks item $1 as discarded at $2, if it is dead, and returns its tenant.</param>
    /// <param name="action">For the audit log.</param>
    /// <returns>False when there is no such item.</returns>
    public static async Task<bool> DiscardDeadAsync(
        this Transaction transaction, string discard, Guid id, Clock clock, string actor, string action, CancellationToken ct)
    {
        var discarded = await transaction.QueryAsync(discard, row => row.Get<Guid?>(0), ct, id, clock.GetUtcNow());
        foreach (var tenant in discarded)
        {
            await transaction.AuditAsync(clock, tenant, actor, action, new { id }, ct);
        }

        await transaction.CommitAsync(ct);
        return discarded.Count > 0;
    }
}
