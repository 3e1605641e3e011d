using Npgsql;

namespace ControlPlane.Metering.Ingestion;

/// <summary>Runs a transaction again where the database asks for it.</summary>
static class Retry
{
    const int Attempts = 5;

    /// <param name="ensurePartitions">Called when an event's month has no partition yet.</param>
    public static async Task<T> OnConflictAsync<T>(Func<Task<T>> transaction, Func<Task> ensurePartitions, CancellationToken ct)
    {
        for (var attempt = 1; ; attempt++)
        {
            ct.ThrowIfCancellationRequested();
            try
            {
                return await transaction();
            }
            catch (PostgresException e) when (attempt < Attempts && e.SqlState is PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure)
            {
            }
            catch (PostgresException e) when (attempt < Attempts && e.SqlState == PostgresErrorCodes.CheckViolation && e.ConstraintName is null)
            {
                // "no partition of relation found for row" is a check violation without a constraint.
                await ensurePartitions();
            }
        }
    }
}
