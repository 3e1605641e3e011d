using System.Net.Http.Json;

namespace ControlPlane.Tests;

public sealed class TelemetryJourneys
{
    const string Token = "this-is-the-token-of-a-mailed-link";
    const string UserId = "anna@people.example";

    [Fact]
    public async Task Traces_metrics_and_logs_reach_the_collector_with_the_tenant_and_without_secrets()
    {
        await using var collector = await Collector.StartAsync();
        await using var webhooks = await WebhookReceiver.StartAsync();
        string tenantId;
        List<string> secrets;
        await using (var server = await TestServer.StartAsync(settings:
        [
            new("OTEL_EXPORTER_OTLP_ENDPOINT", collector.Address.ToString()),
            new("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            // Asks the instrumentation for whole queries.
            new("OTEL_DOTNET_EXPERIMENTAL_ASPNETCORE_DISABLE_URL_QUERY_REDACTION", "true"),
            new("OTEL_DOTNET_EXPERIMENTAL_HTTPCLIENT_DISABLE_URL_QUERY_REDACTION", "true"),
            // A log line in every request.
            new("Logging:LogLevel:Microsoft.AspNetCore.Routing", "Information"),
        ]))
        {
            var tenant = await server.CreateTenantAsync();
            await (await tenant.Http.GetAsync("/v1/keys")).ReadAsync();
            await (await server.ReportAsync(tenant, Deliveries.Event("e1", server.Clock.GetUtcNow()))).ReadAsync();
            await (await tenant.Http.PutAsJsonAsync($"/v1/user-limits/{UserId}", new { tokens_per_day = 5 })).ReadAsync();
            var hook = new Uri(webhooks.Address, $"/{Token}?key={Token}");
            var endpoint = await (await tenant.Http.PutAsJsonAsync("/v1/webhook-endpoint", new { url = hook })).ReadAsync();
            await server.Anonymous.GetAsync($"/v1/verify?token={Token}");
            await server.Anonymous.GetAsync($"/{Token}");
            await server.RunJobAsync("provision");
            await SendWebhookAsync(server, tenant);
            tenantId = tenant.Id.ToString();
            secrets =
            [
                tenant.ApiKey, tenant.WebhookSecret, endpoint.GetProperty("secret").GetString()!, server.OperatorKey, Token, $"owner@{tenant.Slug}.example", UserId,
                Uri.EscapeDataString(UserId), "SCRAM-SHA-256",
            ];
        }

        // Stopping the server has sent the rest.
        var (traces, metrics, logs) = (collector.Received("/v1/traces"), collector.Received("/v1/metrics"), collector.Received("/v1/logs"));
        Assert.Contains(tenantId, traces, StringComparison.Ordinal);
        Assert.Contains("/v1/usage", traces, StringComparison.Ordinal);
        Assert.Contains("http.response.status_code", traces, StringComparison.Ordinal);
        Assert.Contains("ControlPlane", traces, StringComparison.Ordinal);
        Assert.Contains(webhooks.Address.GetLeftPart(UriPartial.Authority), traces, StringComparison.Ordinal);
        Assert.Contains("db.system", traces, StringComparison.Ordinal);
        Assert.Contains(tenantId, logs, StringComparison.Ordinal);
        foreach (var metric in (string[])["usage.events", "http.server.request.duration", "http.client.request.duration", "dotnet.gc.collections", "db.client."])
        {
            Assert.Contains(metric, metrics, StringComparison.Ordinal);
        }

        Assert.All([traces, metrics, logs], sent => Assert.Contains("controlplane", sent, StringComparison.Ordinal));
        foreach (var secret in secrets)
        {
            Assert.All([traces, metrics, logs], sent => Assert.DoesNotContain(secret, sent, StringComparison.Ordinal));
        }
    }

    static async Task SendWebhookAsync(TestServer server, TestTenant tenant)
    {
        await using (var transaction = await server.Database.BeginJobAsync(CancellationToken.None))
        {
            await transaction.EnqueueWebhookAsync(server.Clock, tenant.Id, "budget.threshold_reached", new { percent = 50 }, CancellationToken.None);
            await transaction.CommitAsync(CancellationToken.None);
        }

        await server.RunJobAsync("webhooks");
    }
}
