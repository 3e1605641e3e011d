using ControlPlane.Database;

namespace ControlPlane.Usage;

/// <summary>Makes the monthly partitions of <c>usage_event</c>.</summary>
public static class UsagePartitions
{
    /// <returns>How many were made.</returns>
    public static async Task<int> EnsureAsync(ControlDatabase database, IEnumerable<DateOnly> days, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        var made = 0;
        foreach (var month in days.Select(day => new DateOnly(day.Year, day.Month, 1)).Distinct().Order())
        {
            made += await transaction.ScalarAsync<bool>("select control.ensure_usage_partition($1)", ct, month) ? 1 : 0;
        }

        await transaction.CommitAsync(ct);
        return made;
    }
}
