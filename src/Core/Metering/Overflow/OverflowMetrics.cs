using System.Diagnostics.Metrics;
using ControlPlane.Operations;

namespace ControlPlane.Usage;

static class OverflowMetrics
{
    public static readonly Counter<long> Queued = Telemetry.Meter.CreateCounter<long>(
        "usage.overflow.queued", "{event}", "Usage events that were taken while the database was away.");

    public static readonly Counter<long> Drained = Telemetry.Meter.CreateCounter<long>(
        "usage.overflow.drained", "{event}", "Usage events that waited and are counted now; those counted before included.");
}
