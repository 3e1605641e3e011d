using Microsoft.Extensions.Logging;

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
        var parts = new JobParts(JobSchedules.Retention, log);
        foreach (var purge in purges)
        {
            await parts.TryAsync($"delete expired {purge.Counter}", tenant: null, () => DeleteAsync(purge, counts, ct), ct);
        }

        return new JobReport(counts, []) { Failures = parts.Failures };
    }

    async Task DeleteAsync(Purge purge, Dictionary<string, long> counts, CancellationToken ct)
    {
        var before = (purge.IsRealTime ? clock.Wall : clock.GetUtcNow()) - retention[purge.Data];
        for (var piece = 0; piece < PiecesPerRun; piece++)
        {
            await using var transaction = await database.BeginJobAsync(ct);
            var rows = await transaction.ExecuteAsync(purge.Sql, ct, before, RowsPerPiece);
            await transaction.CommitAsync(ct);
            counts[purge.Counter] = counts.GetValueOrDefault(purge.Counter) + rows;
            if (rows < RowsPerPiece)
            {
                break;
            }
        }
    }
}
