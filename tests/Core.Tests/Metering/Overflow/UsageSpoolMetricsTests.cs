using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace ControlPlane.Tests.Metering.Overflow;

public sealed class UsageSpoolMetricsTests : IDisposable
{
    static readonly DateTimeOffset ReceivedAt = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

    readonly string _folder = Directory.CreateTempSubdirectory("controlplane-spool-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task The_backlog_and_failed_files_are_measured_until_the_spool_is_disposed()
    {
        // Distinguishes this spool from those of tests that run in parallel.
        const int EventCount = 4_711;
        var measured = new ConcurrentDictionary<string, ConcurrentBag<double>>();
        using var listener = new MeterListener { InstrumentPublished = (instrument, listener) => listener.EnableMeasurementEvents(instrument) };
        listener.SetMeasurementEventCallback<long>((instrument, value, _, _) => measured.GetOrAdd(instrument.Name, _ => []).Add(value));
        listener.SetMeasurementEventCallback<int>((instrument, value, _, _) => measured.GetOrAdd(instrument.Name, _ => []).Add(value));
        listener.SetMeasurementEventCallback<double>((instrument, value, _, _) => measured.GetOrAdd(instrument.Name, _ => []).Add(value));
        listener.Start();
        await using (var spool = new UsageSpool(_folder, 1 << 30, TimeProvider.System))
        {
            await spool.AddAsync(new OverflowDelivery(Guid.Empty, UsageFormat.Event, ReceivedAt, [.. Enumerable.Repeat("{}", EventCount)]), default);
            listener.RecordObservableInstruments();
        }

        Assert.Contains(EventCount, measured["usage.overflow.waiting"]);
        Assert.Contains(4_096, measured["usage.overflow.size"]);
        Assert.Contains(measured["usage.overflow.age"], seconds => seconds > 0);
        Assert.Contains(0, measured["usage.overflow.failed"]);
        measured.Clear();
        listener.RecordObservableInstruments();
        Assert.DoesNotContain(EventCount, measured.GetValueOrDefault("usage.overflow.waiting", []));
    }
}
