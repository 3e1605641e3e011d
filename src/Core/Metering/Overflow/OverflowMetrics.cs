using System.Diagnostics.Metrics;

namespace ControlPlane.Metering.Overflow;

static class OverflowMetrics
{
    public static readonly Counter<long> Queued = Instrumentation.Meter.CreateCounter<long>(
        "usage.overflow.queued", "{event}", "Usage events that were queued while the database was unavailable.");

    public static readonly Counter<long> Drained = Instrumentation.Meter.CreateCounter<long>(
        "usage.overflow.drained", "{event}", "Queued usage events that were processed, including duplicates.");
}
