using System.Diagnostics.Metrics;

namespace ControlPlane.Metering.Overflow;

/// <summary>The backlog of a spool, measured when metrics are collected.</summary>
sealed class SpoolMetrics : IDisposable
{
    readonly Meter _meter = new(Instrumentation.Name);

    public SpoolMetrics(UsageSpool spool, TimeProvider time)
    {
        _meter.CreateObservableGauge("usage.overflow.waiting", () => spool.Backlog().Events, "{event}", "Queued usage events.");
        _meter.CreateObservableGauge("usage.overflow.size", () => spool.Backlog().Bytes, "By", "Size of the queued usage events on disk.");
        _meter.CreateObservableGauge("usage.overflow.age", () => spool.Backlog().Oldest is { } oldest ? (time.GetUtcNow() - oldest).TotalSeconds : 0, "s", "Age of the oldest queued usage events.");
        _meter.CreateObservableGauge("usage.overflow.failed", () => spool.Backlog().FailedFiles, "{file}", "Files that cannot be counted and need an operator.");
    }

    public void Dispose() => _meter.Dispose();
}
