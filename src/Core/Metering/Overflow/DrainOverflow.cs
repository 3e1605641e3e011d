using ControlPlane.Metering.Ingestion;

namespace ControlPlane.Metering.Overflow;

/// <summary>Counts what waited, as of the moment it came in. Repeating it changes nothing.</summary>
public sealed class DrainOverflow(RecordUsage recordUsage, DatabaseCircuit circuit, Clock clock)
{
    /// <returns>After the commit.</returns>
    /// <exception cref="Exception">Nothing, or a part, is counted. <see cref="DatabaseUnavailable.IsDatabaseUnavailable"/>: try again later. Any other: this
    /// delivery needs a person.</exception>
    public async Task RunAsync(OverflowDelivery delivery, CancellationToken ct)
    {
        var longestAgo = clock.GetUtcNow() - TimeSpan.FromDays(UsageAge.LongestWaitDays);
        var receivedAt = delivery.ReceivedAt > longestAgo ? delivery.ReceivedAt : longestAgo;
        foreach (var batch in delivery.Submissions().Chunk(RecordUsage.BatchSize))
        {
            await circuit.RunAsync(work => recordUsage.RunAsync(delivery.Tenant, batch, work, receivedAt), ct, allowExtendedTimeout: true);
        }

        OverflowMetrics.Drained.Add(delivery.Events.Count);
    }
}
