using Microsoft.Extensions.Logging;
using Npgsql;

namespace ControlPlane.Platform.Retention;

/// <summary>Deletes expired rows in pieces, each in a short transaction of its own. Idempotent: what a killed run has left, the next one deletes.</summary>
public sealed class RunPurges(ControlDatabase database, Clock clock, RetentionPolicy retention, ILogger<RunPurges> log)
{
    const int RowsPerPiece = 1_000;

    /// <summary>Bounds a run. The next one continues.</summary>
    const int PiecesPerRun = 1_000;

    public async Task<JobReport> RunAsync(IEnumerable<Purge> purges, CancellationToken ct)
    {
        var counts = new Dictionary<string, long>();
        var alerts = new List<string>();
        foreach (var purge in purges)
        {
            try
            {
                counts[purge.Counter] = counts.GetValueOrDefault(purge.Counter) + await DeleteAsync(purge, ct);
            }
            catch (PostgresException e)
            {
                // A table that cannot be purged must not keep the others from it.
                log.LogError(e, "Could not delete expired {Counter}", purge.Counter);
                alerts.Add($"Could not delete expired {purge.Counter}: {e.MessageText}");
            }
        }

        return new JobReport(counts, alerts);
    }

    async Task<long> DeleteAsync(Purge purge, CancellationToken ct)
    {
        var before = (purge.IsRealTime ? clock.Wall : clock.GetUtcNow()) - retention[purge.Data];
        var deleted = 0L;
        for (var piece = 0; piece < PiecesPerRun; piece++)
        {
            await using var transaction = await database.BeginJobAsync(ct);
            var rows = await transaction.ExecuteAsync(purge.Sql, ct, before, RowsPerPiece);
            await transaction.CommitAsync(ct);
            deleted += rows;
            if (rows < RowsPerPiece)
            {
                break;
            }
        }

        return deleted;
    }
}
