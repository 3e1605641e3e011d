using System.Diagnostics.Metrics;
using ControlPlane.Operations;

namespace ControlPlane.Usage;

static class UsageMetrics
{
    static readonly Counter<long> Events = Telemetry.Meter.CreateCounter<long>("usage.events", "{event}", "Usage events by outcome.");

    public static void Count(long accepted, long duplicates, IReadOnlyCollection<RejectedEvent> rejected)
    {
        Events.Add(accepted, new KeyValuePair<string, object?>("outcome", "accepted"));
        Events.Add(duplicates, new KeyValuePair<string, object?>("outcome", "duplicate"));
        foreach (var code in rejected.CountBy(r => r.Code))
        {
            Events.Add(code.Value, new KeyValuePair<string, object?>("outcome", code.Key));
        }
    }
}
