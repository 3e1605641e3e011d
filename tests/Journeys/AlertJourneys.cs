using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace ControlPlane.Tests;

public sealed class AlertJourneys : IAsyncLifetime
{
    static readonly DateTimeOffset Now = new(2026, 1, 15, 12, 0, 0, TimeSpan.Zero);

    TestServer _server = null!;
    TestTenant _tenant = null!;

    public async Task InitializeAsync()
    {
        _server = await TestServer.StartAsync(clock: Now);
        _tenant = await _server.CreateTenantAsync();
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Each_threshold_of_a_limit_is_announced_once_per_window()
    {
        await UseAsync(24_999);
        Assert.Empty(await AlertsAsync());
        await UseAsync(1);
        Assert.Equal(["You have used 50 % of your daily token limit"], await AlertsAsync());
        await UseAsync(14_999);
        Assert.Single(await AlertsAsync());
        // Concurrent deliveries cross the next thresholds.
        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => UseAsync(1_000)));
        Assert.Equal(100, await _server.ReadAsync<int>("select max(percent) from control.budget_alert where tenant_id = $1 and span = 'day'", _tenant.Id));
        var alerts = await AlertsAsync();
        Assert.Equal(alerts.Distinct(), alerts);
        Assert.Contains("You have used 100 % of your daily token limit", alerts);

        await _server.MoveClockAsync(Now.AddDays(1));
        await UseAsync(26_000);
        Assert.Equal(alerts.Append("You have used 50 % of your daily token limit").Order(), (await AlertsAsync()).Order());
        Assert.Contains((await _server.MailsAsync()), mail => mail.Body.Contains("has used 25,000 of 50,000: 50 % of your daily token limit.", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Of_thresholds_crossed_at_once_the_highest_is_announced_and_past_windows_are_not()
    {
        await UseAsync(900_000, Now.AddDays(-1));
        // The day has ended, but it belongs to the current period, as all days before the anchor do.
        Assert.Equal(["You have used 80 % of your token limit for this billing period"], await AlertsAsync());
        await UseAsync(60_000);
        Assert.Equal(["You have used 100 % of your daily token limit", "You have used 80 % of your token limit for this billing period"], (await AlertsAsync()).Order());
    }

    [Fact]
    public async Task A_webhook_is_signed_retried_until_it_is_delivered_and_can_be_replayed()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        var set = await (await _tenant.Http.PutAsJsonAsync("/v1/webhook-endpoint", new { url = receiver.Address })).ReadAsync();
        var secret = set.GetProperty("secret").GetString()!;
        Assert.StartsWith("whsec_", secret, StringComparison.Ordinal);
        Assert.False((await (await _tenant.Http.PutAsJsonAsync("/v1/webhook-endpoint", new { url = receiver.Address })).ReadAsync()).TryGetProperty("secret", out _));
        Assert.False((await (await _tenant.Http.GetAsync("/v1/webhook-endpoint")).ReadAsync()).TryGetProperty("secret", out _));

        receiver.ResponseStatus = HttpStatusCode.InternalServerError;
        await UseAsync(40_000);
        await WaitUntilAsync(() => receiver.Received.Count == 1);
        Assert.Equal(("pending", 1, 500), await DeliveryAsync());
        await _server.RunJobAsync("webhooks");
        Assert.Single(receiver.Received);
        Assert.Equal(1, await _server.ReadAsync<int>("select round(extract(epoch from next_attempt_at - now()) / 60)::int from control.webhook_delivery"));

        receiver.ResponseStatus = HttpStatusCode.NoContent;
        await RunDueDeliveriesAsync();
        Assert.Equal(("delivered", 2, 204), await DeliveryAsync());
        await RunDueDeliveriesAsync();
        Assert.Equal(2, receiver.Received.Count);

        var deliveries = _server.Services.GetRequiredService<WebhookDeliveries>();
        var delivery = Assert.Single(await deliveries.ListAsync(_tenant.Id, 10, default));
        Assert.True(await deliveries.ReplayAsync(_tenant.Id, delivery.Id, "test", default));
        Assert.False(await deliveries.ReplayAsync((await _server.CreateTenantAsync()).Id, delivery.Id, "test", default));
        await _server.RunJobAsync("webhooks");
        await WaitUntilAsync(() => receiver.Received.Count == 3);

        Assert.Single(receiver.Received.Select(r => r.Id).Distinct());
        Assert.All(receiver.Received, r => Assert.Equal(
            WebhookSignature.Sign(Convert.FromBase64String(secret["whsec_".Length..]), r.Id, r.Timestamp, r.Body), r.Signature));
        Assert.All(receiver.Received, r => Assert.True(WebhookSignature.IsTimely(r.Timestamp, _server.Clock.Wall)));
        var payload = JsonDocument.Parse(Encoding.UTF8.GetString(receiver.Received[0].Body)).RootElement;
        Assert.Equal("budget.threshold_reached", payload.GetProperty("type").GetString());
        var data = payload.GetProperty("data");
        Assert.Equal(("tokens_per_day", 80, 50_000, 40_000, "2026-01-15", true), (
            data.GetProperty("limit").GetString(), data.GetProperty("percent").GetInt32(), data.GetProperty("maximum").GetInt64(), data.GetProperty("used").GetInt64(),
            data.GetProperty("window_start").GetString(), data.GetProperty("hard").GetBoolean()));
    }

    [Fact]
    public async Task A_redirect_is_not_followed_and_nothing_is_sent_without_an_endpoint()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        receiver.ResponseStatus = HttpStatusCode.PermanentRedirect;
        (await _tenant.Http.PutAsJsonAsync("/v1/webhook-endpoint", new { url = receiver.Address })).EnsureSuccessStatusCode();
        await UseAsync(26_000);
        await WaitUntilAsync(() => receiver.Received.Count == 1);
        Assert.Equal(("pending", 1, 308), await DeliveryAsync());

        Assert.Equal(HttpStatusCode.NoContent, (await _tenant.Http.DeleteAsync("/v1/webhook-endpoint")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await _tenant.Http.DeleteAsync("/v1/webhook-endpoint")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await _tenant.Http.GetAsync("/v1/webhook-endpoint")).StatusCode);
        await RunDueDeliveriesAsync();
        await UseAsync(20_000);
        await _server.RunJobAsync("alerts");
        await _server.RunJobAsync("webhooks");
        Assert.Single(receiver.Received);
        Assert.Equal(1, await _server.ReadAsync<long>("select count(*) from control.webhook_delivery"));
    }

    [Fact]
    public async Task Outside_a_sandbox_only_public_addresses_are_called()
    {
        await using var server = await TestServer.StartAsync(sandbox: false);
        var tenant = await server.CreateTenantAsync();
        foreach (var url in new[] { "http://example.com/", "https://127.0.0.1/", "https://localhost/", "https://[::1]/", "https://10.1.2.3/", "https://u:p@example.com/", "ftp://example.com/", "nonsense", "" })
        {
            var rejected = await tenant.Http.PutAsJsonAsync("/v1/webhook-endpoint", new { url });
            Assert.Equal((url, HttpStatusCode.BadRequest), (url, rejected.StatusCode));
            Assert.True((await rejected.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("errors").TryGetProperty("url", out _));
        }

        Assert.Equal(HttpStatusCode.OK, (await tenant.Http.PutAsJsonAsync("/v1/webhook-endpoint", new { url = "https://example.com/hooks" })).StatusCode);

        // A public name may resolve to a private address, so the address of the connection is checked.
        await using var receiver = await WebhookReceiver.StartAsync();
        var client = server.Services.GetRequiredService<WebhookClient>();
        var attempt = await client.PostAsync(new Uri($"http://localhost:{receiver.Address.Port}/hooks"), "msg_1", "0", "v1,x", [], default);
        Assert.Equal(new WebhookAttempt(null, "the name does not resolve to an address on the public internet"), attempt);
        Assert.Empty(receiver.Received);
    }

    async Task UseAsync(long tokens, DateTimeOffset? at = null) => Assert.Equal(
        1, (await _server.ReportAsync(_tenant, Deliveries.Event(Names.Random("e"), at ?? _server.Clock.GetUtcNow(), tokens, 0)).CountsAsync()).Accepted);

    async Task<List<string>> AlertsAsync() =>
        [.. (await _server.MailsAsync()).Where(mail => mail.Subject.Contains('%', StringComparison.Ordinal)).Select(mail => mail.Subject)];

    async Task<(string, int, int?)> DeliveryAsync()
    {
        // The attempt is recorded shortly after the receiver has answered.
        await _server.RunJobAsync("webhooks");
        var delivery = Assert.Single(await _server.Services.GetRequiredService<WebhookDeliveries>().ListAsync(_tenant.Id, 10, default));
        return (delivery.State, delivery.Attempts, delivery.LastStatus);
    }

    async Task RunDueDeliveriesAsync()
    {
        await _server.SqlAsync("update control.webhook_delivery set next_attempt_at = now()");
        await _server.RunJobAsync("webhooks");
    }

    static async Task WaitUntilAsync(Func<bool> condition)
    {
        for (var attempt = 0; !condition(); attempt++)
        {
            Assert.True(attempt < 300, "did not happen within 30 seconds");
            await Task.Delay(TimeSpan.FromMilliseconds(100));
        }
    }
}
