using System.Diagnostics.Metrics;

namespace ControlPlane.Metering.Ingestion;

static class UsageMetrics
{
    static readonly Counter<long> Events = Instrumentation.Meter.CreateCounter<long>("usage.events", "{event}", "Usage events by outcome.");

    public static void Count(IReadOnlyCollection<IngestReply> replies)
    {
        Events.Add(replies.Sum(r => r.Accepted), new KeyValuePair<string, object?>("outcome", "accepted"));
        Events.Add(replies.Sum(r => r.Duplicates), new KeyValuePair<string, object?>("outcome", "duplicate"));
        foreach (var code in replies.SelectMany(r => r.Rejected).CountBy(r => r.Code))
        {
            Events.Add(code.Value, new KeyValuePair<string, object?>("outcome", code.Key));
        }
    }
}
