namespace ControlPlane.Metering.Ingestion;

/// <summary>Creates the monthly partitions of <c>usage_event</c>.</summary>
public static class UsagePartitions
{
    /// <summary>For deliveries of several tenants that wait for a partition.</summary>
    static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(2);

    /// <summary>Creates the partitions that ingestion found missing.</summary>
    /// <returns>Number of created partitions.</returns>
    public static async Task<int> EnsureAsync(ControlDatabase database, IEnumerable<DateOnly> days, CancellationToken ct)
    {
        await using var transaction = await database.BeginAnonymousAsync(ct, LockTimeout);
        return await CreateAsync(transaction, days, ct);
    }

    /// <summary>Creates the partitions of coming months, for the nightly job.</summary>
    /// <returns>Number of created partitions.</returns>
    public static async Task<int> EnsureAheadAsync(ControlDatabase database, IEnumerable<DateOnly> days, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await CreateAsync(transaction, days, ct);
    }

    static async Task<int> CreateAsync(Transaction transaction, IEnumerable<DateOnly> days, CancellationToken ct)
    {
        var created = 0;
        foreach (var month in days.Select(day => new DateOnly(day.Year, day.Month, 1)).Distinct().Order())
        {
            created += await transaction.ScalarAsync<bool>("select control.ensure_usage_partition($1)", ct, month) ? 1 : 0;
        }

        await transaction.CommitAsync(ct);
        return created;
    }
}
