using ControlPlane.Metering.Ingestion;

namespace ControlPlane.Metering.Overflow;

/// <summary>Counts queued deliveries as of the time they arrived. Idempotent.</summary>
public sealed class DrainOverflow(RecordUsage recordUsage, DatabaseCircuit circuit, Clock clock)
{
    /// <returns>After the commit.</returns>
    /// <exception cref="Exception">The delivery is not counted, or only in part. <see cref="DatabaseUnavailable.IsDatabaseUnavailable"/>: retry later. Any
    /// other: this delivery needs an operator.</exception>
    /// <exception cref="QuarantineCeilingException">Everything else in the delivery is counted or held.</exception>
    public async Task RunAsync(OverflowDelivery delivery, CancellationToken ct)
    {
        var earliest = clock.GetUtcNow() - TimeSpan.FromDays(UsageAge.MaximumQueueDays);
        var receivedAt = delivery.ReceivedAt > earliest ? delivery.ReceivedAt : earliest;
        var notKept = new List<string>();
        foreach (var batch in delivery.Submissions().Chunk(RecordUsage.BatchSize))
        {
            var reply = await circuit.RunAsync(
                timeout => recordUsage.RunAsync(delivery.Tenant, batch, timeout, receivedAt, isAcknowledged: true), ct, allowExtendedTimeout: true);
            notKept.AddRange(reply.Rejected.Where(rejected => rejected.Code == Rejection.Codes.QuarantineFull).Select(rejected => delivery.Events[(int)rejected.Index]));
        }

        OverflowMetrics.Drained.Add(delivery.Events.Count - notKept.Count);
        if (notKept.Count > 0)
        {
            throw new QuarantineCeilingException(delivery with { Events = notKept });
        }
    }
}

/// <summary>Events that cannot be counted, for which the tenant's quarantine has no room even though their sender does not have them any more.</summary>
public sealed class QuarantineCeilingException(OverflowDelivery rest) : Exception(
    $"{rest.Events.Count} events of tenant {rest.Tenant} cannot be counted, and its quarantine has no room for them: process what it holds, then drain them again.")
{
    /// <summary>These events, and no others.</summary>
    public OverflowDelivery Rest => rest;
}
