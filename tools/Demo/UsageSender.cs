using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace ControlPlane.Demo;

/// <summary>A tenant's gateway: reports usage as webhooks signed per the Standard Webhooks specification, or with its key.</summary>
sealed class UsageSender(HttpClient http, DemoAccount account)
{
    static readonly byte[] WrongSecret = new byte[32];

    /// <summary>Sends all copies concurrently.</summary>
    /// <returns>The combined responses, and one sentence per unexpected one.</returns>
    public async Task<(Outcome Outcome, IReadOnlyList<string> Differences)> SendAsync(Delivery delivery, CancellationToken ct)
    {
        var body = DeliveryBody.Of(delivery);
        var id = $"msg_{Convert.ToHexStringLower(SHA256.HashData(body.Content))[..24]}";
        var replies = await Task.WhenAll(Enumerable.Range(0, delivery.Times).Select(_ => SendOnceAsync(delivery, body, id, ct)));
        var outcome = replies.Aggregate(Outcome.Nothing, (sum, reply) => sum + reply.Outcome) with { Sent = delivery.Expected.Sent };
        var differences = new List<string>();
        if (outcome != delivery.Expected)
        {
            differences.Add($"{Describe(delivery)}: expected {delivery.Expected}, the platform reported {outcome}");
        }

        var expected = delivery.Corruption != Corruption.None ? "" : CodesOf(delivery);
        differences.AddRange(replies.Where(reply => reply.Rejected != expected)
            .Select(reply => $"{Describe(delivery)}: expected rejections \"{expected}\", the platform reported \"{reply.Rejected}\""));
        return (outcome, differences);
    }

    async Task<(Outcome Outcome, string Rejected)> SendOnceAsync(Delivery delivery, DeliveryBody body, string id, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, body.Path) { Content = new ByteArrayContent(body.Content) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue(body.ContentType);
        if (delivery.Format == DeliveryFormat.Ndjson)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", account.Key);
        }
        else
        {
            Sign(request.Headers, id, body.Content, delivery.Corruption == Corruption.Forged ? WrongSecret : account.WebhookSecret);
        }

        using var reply = await http.SendAsync(request, ct);
        return reply.StatusCode switch
        {
            HttpStatusCode.BadRequest => (Outcome.Nothing with { Refused = 1 }, ""),
            HttpStatusCode.Unauthorized => (Outcome.Nothing with { Unauthorized = 1 }, ""),
            _ => Read(await reply.TextAsync(ct)),
        };
    }

    // Signatures are checked against real time, even in a sandbox.
    void Sign(HttpRequestHeaders headers, string id, byte[] body, byte[] secret)
    {
        var timestamp = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        byte[] signed = [.. Encoding.UTF8.GetBytes($"{id}.{timestamp}."), .. body];
        var signature = HMACSHA256.HashData(secret, signed);
        headers.Add("webhook-id", id);
        headers.Add("webhook-timestamp", $"{timestamp}");
        headers.Add("webhook-signature", $"v1,{Convert.ToBase64String(signature)}");
        headers.Add("X-Tenant-Id", $"{account.Id}");
    }

    static (Outcome Outcome, string Rejected) Read(string reply)
    {
        using var json = JsonDocument.Parse(reply);
        var rejected = json.RootElement.GetProperty("rejected").EnumerateArray()
            .Select(item => (Index: item.GetProperty("index").GetInt32(), Code: item.GetProperty("code").GetString()!)).OrderBy(item => item.Index).ToList();
        var outcome = Outcome.Nothing with
        {
            Accepted = json.RootElement.GetProperty("accepted").GetInt64(),
            Duplicates = json.RootElement.GetProperty("duplicates").GetInt64(),
            Rejected = rejected.Count,
        };
        return (outcome, string.Join(", ", rejected.Select(item => $"{item.Index}: {item.Code}")));
    }

    static string CodesOf(Delivery delivery) => string.Join(
        ", ", delivery.Entries.Index().Where(entry => entry.Item.ExpectedOutcome > ExpectedOutcome.Duplicate)
            .Select(entry => $"{entry.Index}: {JsonNamingPolicy.SnakeCaseLower.ConvertName(entry.Item.ExpectedOutcome.ToString())}"));

    static string Describe(Delivery delivery) =>
        $"A delivery of {delivery.Tenant.Plan} ({delivery.Format}, {delivery.Entries.Count} events starting at {delivery.Entries[0].Event.Id}, {delivery.Times} times)";
}
