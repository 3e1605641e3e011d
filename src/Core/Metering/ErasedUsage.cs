using ControlPlane.Subscriptions;

namespace ControlPlane.Metering;

/// <summary>The usage of one person, when their data is erased.</summary>
public static class ErasedUsage
{
    /// <summary>Few enough to hold the tenant's billing lock for a second at most.</summary>
    public const int EventsPerPiece = 10_000;

    /// <summary>Replaces the user's id by a pseudonym, in one day's usage at a time. Tokens, cost and time stay, because invoices follow from them.</summary>
    /// <returns>Events changed, and whether no usage of the user is left.</returns>
    public static async Task<(int Events, bool IsFinished)> EraseUsagePieceAsync(
        this Transaction transaction, Guid tenant, string user, string pseudonym, int maximum, CancellationToken ct)
    {
        await transaction.ExecuteAsync(BillingLock.Acquire, ct, tenant);
        return await transaction.FirstAsync(
            "select events, is_finished from control.erase_usage_piece($1, $2, $3, $4)", row => (row.GetInt32(0), row.GetBoolean(1)), ct,
            tenant, user, pseudonym, maximum);
    }
}
