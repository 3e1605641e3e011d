namespace ControlPlane.Metering.Ingestion;

/// <summary>Makes the monthly partitions of <c>usage_event</c>.</summary>
public static class UsagePartitions
{
    /// <summary>Those that ingestion found missing.</summary>
    /// <returns>How many were made.</returns>
    public static async Task<int> EnsureAsync(ControlDatabase database, IEnumerable<DateOnly> days, CancellationToken ct)
    {
        await using var transaction = await database.BeginAnonymousAsync(ct);
        return await MakeAsync(transaction, days, ct);
    }

    /// <summary>Those of the months to come, for the nightly job.</summary>
    /// <returns>How many were made.</returns>
    public static async Task<int> EnsureAheadAsync(ControlDatabase database, IEnumerable<DateOnly> days, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await MakeAsync(transaction, days, ct);
    }

    static async Task<int> MakeAsync(Transaction transaction, IEnumerable<DateOnly> days, CancellationToken ct)
    {
        var made = 0;
        foreach (var month in days.Select(day => new DateOnly(day.Year, day.Month, 1)).Distinct().Order())
        {
            made += await transaction.ScalarAsync<bool>("select control.ensure_usage_partition($1)", ct, month) ? 1 : 0;
        }

        await transaction.CommitAsync(ct);
        return made;
    }
}
