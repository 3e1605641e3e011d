using Npgsql;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace ControlPlane.Web.Shared;

/// <summary>
/// Exports traces, metrics and logs to the collector in OTEL_EXPORTER_OTLP_ENDPOINT; without it nothing is collected. The other OTEL_…
/// settings of the specification apply too.
/// </summary>
public static class TelemetryExport
{
    const string Setting = "OTEL_EXPORTER_OTLP_ENDPOINT";
    const string ServiceName = "controlplane";

    /// <exception cref="SettingException">The setting is not a URL.</exception>
    public static void AddTelemetryExport(this IServiceCollection services, IConfiguration configuration)
    {
        if (configuration[Setting] is not { Length: > 0 } endpoint)
        {
            return;
        }

        if (!Uri.TryCreate(endpoint, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https"))
        {
            throw new SettingException($"{Setting} is \"{endpoint}\": enter the URL of the collector, such as http://localhost:4317.");
        }

        services.AddOpenTelemetry()
            // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES are read last and take precedence.
            .ConfigureResource(resource => resource.Clear().AddService(ServiceName).AddTelemetrySdk().AddEnvironmentVariableDetector())
            .WithTracing(traces => traces
                .AddSource(Instrumentation.Name).AddAspNetCoreInstrumentation().AddHttpClientInstrumentation().AddNpgsql()
                .AddProcessor(new RedactUrls()).AddOtlpExporter())
            .WithMetrics(metrics => metrics
                .AddMeter(Instrumentation.Name).AddAspNetCoreInstrumentation().AddHttpClientInstrumentation().AddRuntimeInstrumentation().AddNpgsqlInstrumentation()
                .AddOtlpExporter())
            .WithLogging(
                logs => logs.AddProcessor(new TenantOnLogs()).AddOtlpExporter(),
                // Scopes stay out: ASP.NET Core's contains the request path.
                options => (options.IncludeScopes, options.IncludeFormattedMessage) = (false, true));
    }
}
