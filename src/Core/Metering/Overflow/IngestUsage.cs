using ControlPlane.Metering.Ingestion;

namespace ControlPlane.Metering.Overflow;

/// <summary>Counts a delivery, or queues the part that the database cannot accept now. In both cases the sender is done.</summary>
/// <param name="overflow">null: without an overflow, senders have to retry while the database is unavailable.</param>
public sealed class IngestUsage(RecordUsage recordUsage, DatabaseCircuit circuit, Clock clock, IUsageOverflow? overflow = null)
{
    /// <param name="submissions">All in the same format.</param>
    /// <exception cref="TenantBusyException">Other work of the tenant is in the way. The database is available, and the tenant must not use up the overflow, which all
    /// tenants share. As below.</exception>
    /// <exception cref="OverflowFullException">The database is unavailable and the overflow is full. A part may have been counted; sending all of it again is safe.</exception>
    /// <exception cref="Exception">Without an overflow: <see cref="DatabaseUnavailable.IsDatabaseUnavailable"/>.</exception>
    public async Task<IngestReply> RunAsync(Guid tenant, IReadOnlyList<Submission> submissions, CancellationToken ct)
    {
        var receivedAt = clock.GetUtcNow();
        var reply = new IngestReply(0, 0, []);
        for (var counted = 0; counted < submissions.Count; counted += RecordUsage.BatchSize)
        {
            var batch = submissions.Count <= RecordUsage.BatchSize ? submissions : [.. submissions.Skip(counted).Take(RecordUsage.BatchSize)];
            try
            {
                reply = reply.And(await circuit.RunAsync(timeout => recordUsage.RunAsync(tenant, batch, timeout, receivedAt), ct, allowExtendedTimeout: true));
            }
            catch (Exception e) when (overflow is not null && e.IsDatabaseUnavailable() && TenantBusyException.Of(e) is null)
            {
                // The abandoned transaction may still commit. Then this batch is a duplicate when it is drained.
                Submission[] rest = [.. submissions.Skip(counted)];
                await overflow.AddAsync(OverflowDelivery.Of(tenant, receivedAt, rest), ct);
                OverflowMetrics.Queued.Add(rest.Length);
                return reply with { Queued = rest.Length };
            }
        }

        return reply;
    }
}
