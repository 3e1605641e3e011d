namespace ControlPlane.Tests;

public sealed class TelemetryJourneys
{
    [Fact]
    public async Task Traces_and_metrics_reach_the_collector_with_the_tenant_and_without_secrets()
    {
        await using var collector = await Collector.StartAsync();
        string tenantId;
        List<string> secrets;
        await using (var server = await TestServer.StartAsync(settings:
        [
            new("OTEL_EXPORTER_OTLP_ENDPOINT", collector.Address.ToString()),
            new("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ]))
        {
            var tenant = await server.CreateTenantAsync();
            await (await tenant.Http.GetAsync("/v1/keys")).ReadAsync();
            await (await server.ReportAsync(tenant, Deliveries.Event("e1", server.Clock.GetUtcNow()))).ReadAsync();
            await server.Anyone.GetAsync("/v1/verify?token=this-is-the-token-of-a-mail");
            await server.RunJobAsync("provision");
            tenantId = tenant.Id.ToString();
            secrets = [tenant.ApiKey, tenant.WebhookSecret, server.OperatorKey, "this-is-the-token-of-a-mail", $"owner@{tenant.Slug}.example", "SCRAM-SHA-256"];
        }

        // Ending the server sent what was left.
        var (traces, metrics) = (collector.Received("/v1/traces"), collector.Received("/v1/metrics"));
        Assert.Contains(tenantId, traces, StringComparison.Ordinal);
        Assert.Contains("/v1/usage", traces, StringComparison.Ordinal);
        Assert.Contains("usage.events", metrics, StringComparison.Ordinal);
        Assert.Contains("http.server.request.duration", metrics, StringComparison.Ordinal);
        Assert.All([traces, metrics], sent => Assert.Contains("controlplane", sent, StringComparison.Ordinal));
        foreach (var secret in secrets)
        {
            Assert.All([traces, metrics], sent => Assert.DoesNotContain(secret, sent, StringComparison.Ordinal));
        }
    }
}
