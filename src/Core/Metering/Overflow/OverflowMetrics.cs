using System.Diagnostics.Metrics;

namespace ControlPlane.Metering.Overflow;

static class OverflowMetrics
{
    public static readonly Counter<long> Queued = Instrumentation.Meter.CreateCounter<long>(
        "usage.overflow.queued", "{event}", "Usage events that were taken while the database was away.");

    public static readonly Counter<long> Drained = Instrumentation.Meter.CreateCounter<long>(
        "usage.overflow.drained", "{event}", "Usage events that waited and are counted now; those counted before included.");
}
