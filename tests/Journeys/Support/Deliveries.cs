using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace ControlPlane.Tests.Support;

/// <summary>Usage as gateways report it.</summary>
static class Deliveries
{
    /// <summary>One event in the platform's own format.</summary>
    public static object Event(
        string id, DateTimeOffset at, long prompt = 100, long completion = 50, string model = "mistral:7b-instruct", string user = "u1", Guid? reservation_id = null) =>
        new { id, occurred_at = at, user, model, prompt_tokens = prompt, completion_tokens = completion, reservation_id };

    /// <summary>Sends a webhook signed as specified by standardwebhooks.com.</summary>
    public static Task<HttpResponseMessage> PostSignedAsync(
        this TestServer server, TestTenant tenant, string body, string path = "/v1/usage", string? secret = null, DateTimeOffset? signedAt = null,
        string contentType = "application/json")
    {
        var id = $"msg_{Names.Random("m")}";
        var timestamp = (signedAt ?? server.Clock.Wall).ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var bytes = Encoding.UTF8.GetBytes(body);
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(bytes) };
        request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(contentType);
        request.Headers.Add("X-Tenant-Id", tenant.Id.ToString());
        request.Headers.Add("webhook-id", id);
        request.Headers.Add("webhook-timestamp", timestamp);
        request.Headers.Add("webhook-signature", WebhookSignature.Sign(Convert.FromBase64String((secret ?? tenant.WebhookSecret)["whsec_".Length..]), id, timestamp, bytes));
        return server.Anonymous.SendAsync(request);
    }

    public static Task<HttpResponseMessage> ReportAsync(this TestServer server, TestTenant tenant, params object[] events) =>
        server.PostSignedAsync(tenant, JsonSerializer.Serialize(events));

    public static async Task<(long Accepted, long Duplicates, string[] Codes)> CountsAsync(this Task<HttpResponseMessage> sent)
    {
        var reply = await (await sent).ReadAsync();
        return (reply.GetProperty("accepted").GetInt64(), reply.GetProperty("duplicates").GetInt64(),
            [.. reply.GetProperty("rejected").EnumerateArray().Select(r => r.GetProperty("code").GetString()!)]);
    }

    /// <summary>Sends usage with the tenant's key.</summary>
    public static Task<HttpResponseMessage> PostAsync(this TestTenant tenant, string body, string contentType = "application/json", string path = "/v1/usage") =>
        tenant.Http.PostAsync(path, new StringContent(body, new MediaTypeHeaderValue(contentType)));

    /// <summary>How many events of a delivery were queued.</summary>
    public static async Task<long> QueuedAsync(this Task<HttpResponseMessage> sent) =>
        (await (await sent).ReadAsync()).TryGetProperty("queued", out var queued) ? queued.GetInt64() : 0;

    /// <summary>Total tokens of GET /v1/usage between two days.</summary>
    public static async Task<long> TokensAsync(this TestTenant tenant, string from, string to) =>
        (await (await tenant.Http.GetAsync($"/v1/usage?from={from}&to={to}&group_by=day")).ReadAsync())
        .GetProperty("items").EnumerateArray().Sum(row => row.GetProperty("total_tokens").GetInt64());
}
