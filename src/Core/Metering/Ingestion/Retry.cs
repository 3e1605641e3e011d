using Npgsql;

namespace ControlPlane.Metering.Ingestion;

/// <summary>Retries a transaction after errors that a retry resolves: deadlocks, serialization failures, and missing partitions.</summary>
static class Retry
{
    const int MaxAttempts = 5;

    /// <param name="ensurePartitions">Called when the month of an event has no partition yet.</param>
    public static async Task<T> OnConflictAsync<T>(Func<Task<T>> transaction, Func<Task> ensurePartitions, CancellationToken ct)
    {
        for (var attempt = 1; ; attempt++)
        {
            ct.ThrowIfCancellationRequested();
            try
            {
                return await transaction();
            }
            catch (PostgresException e) when (attempt < MaxAttempts && e.SqlState is PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure)
            {
            }
            catch (PostgresException e) when (attempt < MaxAttempts && e.SqlState == PostgresErrorCodes.CheckViolation && e.ConstraintName is null)
            {
                // "no partition of relation found for row" is a check violation without a constraint name.
                await ensurePartitions();
            }
        }
    }
}
