using Microsoft.Extensions.Logging;

namespace ControlPlane.Platform.Retention;

/// <summary>
/// Deletes expired rows in pieces, each in a short transaction of its own, and of all tables in turn, so that one with many does not keep the others from
/// being purged. Idempotent: what a killed run has left, the next one deletes.
/// </summary>
/// <remarks>
/// Of tables that a tenant can fill, the rows that expired first are deleted first, whoever they are of. So one tenant's rows wait for those that expired before
/// them, and never for what another tenant adds later.
/// </remarks>
public sealed class RunPurges(ControlDatabase database, Clock clock, RetentionPolicy retention, ILogger<RunPurges> log)
{
    const int RowsPerPiece = 1_000;

    /// <summary>Half of the time that Azure Functions gives a job; Lambda gives more.</summary>
    static readonly TimeSpan TimePerRun = TimeSpan.FromMinutes(5);

    /// <param name="time">How long the run may take; null: 5 minutes. One piece of each table is deleted in any case.</param>
    /// <returns>A failure for each table with expired rows left, so that the job is repeated.</returns>
    public async Task<JobReport> RunAsync(IEnumerable<Purge> purges, CancellationToken ct, TimeSpan? time = null)
    {
        var until = clock.Wall + (time ?? TimePerRun);
        var counts = new Dictionary<string, long>();
        var parts = new JobParts(JobSchedules.Retention, log);
        var unfinished = purges.ToList();
        do
        {
            foreach (var purge in unfinished.ToList())
            {
                var mayHaveMore = false;
                await parts.TryAsync($"delete expired {purge.Counter}", tenant: null, async () => mayHaveMore = await DeletePieceAsync(purge, counts, ct), ct);
                if (!mayHaveMore)
                {
                    unfinished.Remove(purge);
                }
            }
        }
        while (unfinished.Count > 0 && clock.Wall < until);

        return new JobReport(counts, [])
        {
            Failures = [.. parts.Failures, .. unfinished.Select(purge => $"There are more expired {purge.Counter} than one run deletes. The next run continues.")],
        };
    }

    /// <returns>Whether there may be more to delete.</returns>
    async Task<bool> DeletePieceAsync(Purge purge, Dictionary<string, long> counts, CancellationToken ct)
    {
        var before = (purge.IsRealTime ? clock.Wall : clock.GetUtcNow()) - retention[purge.Data];
        await using var transaction = await database.BeginJobAsync(ct);
        var rows = await transaction.ExecuteAsync(purge.Sql, ct, before, RowsPerPiece);
        await transaction.CommitAsync(ct);
        counts[purge.Counter] = counts.GetValueOrDefault(purge.Counter) + rows;
        return rows >= RowsPerPiece;
    }
}
