using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace ControlPlane.Tests;

[Trait("Category", "Quick")]
public class TelemetryFlushTests
{
    [Fact]
    public async Task A_collector_that_hangs_delays_one_response_and_then_none()
    {
        // Accepts connections and never answers.
        using var collector = new TcpListener(IPAddress.Loopback, 0);
        collector.Start();
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = $"http://{collector.LocalEndpoint}",
            ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
            ["OTEL_EXPORTER_OTLP_TIMEOUT"] = "10000",
        }).Build();
        var registrations = new ServiceCollection().AddSingleton<IConfiguration>(configuration).AddLogging();
        registrations.AddTelemetryExport(configuration);
        var services = registrations.BuildServiceProvider();
        var flush = new TelemetryFlush(TimeProvider.System);

        var first = await TimeAsync(() => flush.RunAsync(services));
        var next = await TimeAsync(async () =>
        {
            for (var i = 0; i < 100; i++)
            {
                await flush.RunAsync(services);
            }
        });

        Assert.True(first > TimeSpan.FromMilliseconds(500), $"Nothing was exported: {first}");
        Assert.True(first < TimeSpan.FromSeconds(4), $"{first}");
        Assert.True(next < TimeSpan.FromSeconds(1), $"{next}");
        // The exporters fail at once, and disposal does not wait for them.
        collector.Stop();
        await services.DisposeAsync();
    }

    [Fact]
    public async Task Without_a_collector_nothing_is_done()
    {
        await using var services = new ServiceCollection().BuildServiceProvider();
        await new TelemetryFlush(TimeProvider.System).RunAsync(services);
    }

    static async Task<TimeSpan> TimeAsync(Func<Task> work)
    {
        var started = Stopwatch.GetTimestamp();
        await work();
        return Stopwatch.GetElapsedTime(started);
    }
}
