using ControlPlane.Metering.Ingestion;

namespace ControlPlane.Metering.Overflow;

/// <summary>Counts queued deliveries as of the time they arrived. Idempotent.</summary>
public sealed class DrainOverflow(RecordUsage recordUsage, DatabaseCircuit circuit, Clock clock)
{
    /// <returns>After the commit.</returns>
    /// <exception cref="Exception">The delivery is not counted, or only in part. <see cref="DatabaseUnavailable.IsDatabaseUnavailable"/>: retry later. Any
    /// other: this delivery needs an operator.</exception>
    public async Task RunAsync(OverflowDelivery delivery, CancellationToken ct)
    {
        var earliest = clock.GetUtcNow() - TimeSpan.FromDays(UsageAge.MaximumQueueDays);
        var receivedAt = delivery.ReceivedAt > earliest ? delivery.ReceivedAt : earliest;
        foreach (var batch in delivery.Submissions().Chunk(RecordUsage.BatchSize))
        {
            await circuit.RunAsync(timeout => recordUsage.RunAsync(delivery.Tenant, batch, timeout, receivedAt, isAcknowledged: true), ct, allowExtendedTimeout: true);
        }

        OverflowMetrics.Drained.Add(delivery.Events.Count);
    }
}
