using Microsoft.Extensions.Hosting;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace ControlPlane.Web.Shared;

/// <summary>
/// Sends traces and metrics to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names; without it nothing is collected. The other
/// OTEL_… settings of the specification hold too.
/// </summary>
public static class TelemetryExport
{
    const string Setting = "OTEL_EXPORTER_OTLP_ENDPOINT";
    const string ServiceName = "controlplane";
    const int PatienceInMilliseconds = 2_000;

    static readonly string[] Sources = [Instrumentation.Name, "Microsoft.AspNetCore", "Npgsql"];
    static readonly string[] Meters =
        [Instrumentation.Name, "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "Microsoft.AspNetCore.RateLimiting", "Npgsql", "System.Runtime"];

    /// <exception cref="SettingException">The setting is no address.</exception>
    public static void AddTelemetryExport(this IServiceCollection services, IConfiguration configuration)
    {
        if (configuration[Setting] is not { Length: > 0 } endpoint)
        {
            return;
        }

        if (!Uri.TryCreate(endpoint, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https"))
        {
            throw new SettingException($"{Setting} is \"{endpoint}\": give the collector's address, such as http://localhost:4317.");
        }

        // Spans of requests are to say the route and the status; without this they have a name only. The query is in none of them.
        AppContext.SetSwitch("Microsoft.AspNetCore.Hosting.SuppressActivityOpenTelemetryData", false);
        services.AddSingleton(_ => Sdk.CreateTracerProviderBuilder()
            .ConfigureServices(inner => inner.AddSingleton(configuration))
            .ConfigureResource(resource => Described(resource)).AddSource(Sources).AddOtlpExporter().Build());
        services.AddSingleton(_ => Sdk.CreateMeterProviderBuilder()
            .ConfigureServices(inner => inner.AddSingleton(configuration))
            .ConfigureResource(resource => Described(resource)).AddMeter(Meters).AddOtlpExporter().Build());
        services.AddHostedService<Collecting>();
    }

    /// <summary>Sends what is collected and not sent yet: for hosts that stop between requests. Without a collector it does nothing.</summary>
    public static void SendTelemetry(this IServiceProvider services)
    {
        services.GetService<TracerProvider>()?.ForceFlush(PatienceInMilliseconds);
        services.GetService<MeterProvider>()?.ForceFlush(PatienceInMilliseconds);
    }

    // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES come after, and win.
    static ResourceBuilder Described(ResourceBuilder resource) =>
        resource.Clear().AddService(ServiceName).AddTelemetrySdk().AddEnvironmentVariableDetector();

    /// <summary>Collects from the host's start on. The container ends the providers with the host, which sends what is left.</summary>
    sealed class Collecting(IServiceProvider services) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken)
        {
            // They collect from the moment they are made.
            services.GetRequiredService<TracerProvider>();
            services.GetRequiredService<MeterProvider>();
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
