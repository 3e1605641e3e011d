using System.Diagnostics.Metrics;

namespace ControlPlane.Metering.Overflow;

/// <summary>How much waits in a spool, measured when a collector asks.</summary>
sealed class SpoolMetrics : IDisposable
{
    readonly Meter _meter = new(Instrumentation.Name);

    public SpoolMetrics(UsageSpool spool, TimeProvider time)
    {
        _meter.CreateObservableGauge("usage.overflow.waiting", () => spool.Backlog().Events, "{event}", "Usage events that wait to be counted.");
        _meter.CreateObservableGauge("usage.overflow.size", () => spool.Backlog().Bytes, "By", "Their files on disk.");
        _meter.CreateObservableGauge("usage.overflow.age", () => spool.Backlog().Oldest is { } oldest ? (time.GetUtcNow() - oldest).TotalSeconds : 0, "s", "How long the oldest waits.");
        _meter.CreateObservableGauge("usage.overflow.failed", () => spool.Backlog().FailedFiles, "{file}", "Files that cannot be counted and need a person.");
    }

    public void Dispose() => _meter.Dispose();
}
