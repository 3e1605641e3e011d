using ControlPlane.Metering.Ingestion;

namespace ControlPlane.Metering.Overflow;

/// <summary>Counts a delivery, or keeps what the database cannot take now where it waits for it. Either way the sender is done.</summary>
/// <param name="overflow">null where there is none: then a database that is away is the sender's trouble.</param>
public sealed class IngestUsage(RecordUsage recordUsage, DatabaseCircuit circuit, Clock clock, IUsageOverflow? overflow = null)
{
    /// <param name="submissions">All of one form.</param>
    /// <exception cref="OverflowFullException">The database is away and the overflow full. What was counted is counted; sending all again is safe.</exception>
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
                reply = reply.And(await circuit.RunAsync(work => recordUsage.RunAsync(tenant, batch, work, receivedAt), ct, allowExtendedTimeout: true));
            }
            catch (Exception e) when (overflow is not null && e.IsDatabaseUnavailable())
            {
                // This batch may be counted after all, by what was given up. Then it is a duplicate when its turn comes.
                Submission[] rest = [.. submissions.Skip(counted)];
                await overflow.AddAsync(OverflowDelivery.Of(tenant, receivedAt, rest), ct);
                OverflowMetrics.Queued.Add(rest.Length);
                return reply with { Queued = rest.Length };
            }
        }

        return reply;
    }
}
