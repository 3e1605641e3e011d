using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace ControlPlane.Web.Shared;

/// <summary>
/// Exports collected telemetry before a response, for hosts that are frozen between requests. A collector that hangs delays one response by a second;
/// then nothing is exported for a minute.
/// </summary>
/// <param name="time">Wall-clock time, because timers stop while the process is frozen.</param>
public sealed class TelemetryFlush(TimeProvider time)
{
    static readonly TimeSpan Timeout = TimeSpan.FromSeconds(1);
    static readonly TimeSpan Pause = TimeSpan.FromMinutes(1);

    Task _exports = Task.CompletedTask;
    DateTimeOffset _resumeAt;

    /// <summary>Does nothing without a collector.</summary>
    public async Task RunAsync(IServiceProvider services)
    {
        if (services.GetService<TracerProvider>() is not { } traces || !_exports.IsCompleted || time.GetUtcNow() < _resumeAt)
        {
            return;
        }

        var milliseconds = (int)Timeout.TotalMilliseconds;
        // On threads of their own, because not every exporter observes the timeout.
        _exports = Task.WhenAll(
            Task.Run(() => traces.ForceFlush(milliseconds)),
            Task.Run(() => services.GetService<MeterProvider>()?.ForceFlush(milliseconds)),
            Task.Run(() => services.GetService<LoggerProvider>()?.ForceFlush(milliseconds)));
        if (await Task.WhenAny(_exports, Task.Delay(Timeout, time)) != _exports)
        {
            _resumeAt = time.GetUtcNow() + Pause;
        }
    }
}
