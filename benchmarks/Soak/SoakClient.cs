using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using ControlPlane.Benchmarks.Load;

namespace ControlPlane.Benchmarks.Soak;

/// <summary>
/// One connection. It makes calls as a gateway does: authorize, then report the usage in a signed webhook; each request is repeated until it is answered.
/// Every fourth connection only reports, in batches and for tenants without hard limits. Every twentieth delivery is sent twice.
/// </summary>
sealed class SoakClient(SoakPlatform platform, SoakTenants tenants, SoakClock clock, Measurements measurements, int number, int seed)
{
    const int MaximumTokens = 600;
    static readonly TimeSpan ThinkTime = TimeSpan.FromMilliseconds(100), RetryPause = TimeSpan.FromMilliseconds(100);

    readonly Random _random = new(seed + number);

    /// <summary>Acknowledged events with their tokens.</summary>
    public Dictionary<string, int> Acknowledged { get; } = new(StringComparer.Ordinal);

    public int Denied { get; private set; }

    /// <summary>Replies that rejected an event or answered with another status than 200, 429 and 503.</summary>
    public List<string> Unexpected { get; } = [];

    /// <param name="stop">Ends the load; a call that has begun is finished.</param>
    /// <param name="ct">Abandons it.</param>
    public async Task RunAsync(CancellationToken stop, CancellationToken ct)
    {
        while (!stop.IsCancellationRequested)
        {
            if (number % 4 == 3)
            {
                await ReportAsync(tenants.NextUnlimited(_random), [.. Enumerable.Range(0, _random.Next(1, 10)).Select(_ => NewEvent(_random.Next(MaximumTokens), null))], ct);
            }
            else
            {
                await clock.RunCallAsync(() => CallAsync(tenants.Next(_random), ct), ct);
            }

            await Task.Delay(ThinkTime * (2 * _random.NextDouble()), ct);
        }
    }

    async Task CallAsync(SoakTenant tenant, CancellationToken ct)
    {
        var estimate = _random.Next(50, MaximumTokens);
        var body = Encoding.UTF8.GetBytes(string.Create(
            CultureInfo.InvariantCulture,
            $$"""{"request_id":"{{EventBodies.NewId()}}","user":"user-{{_random.Next(EventBodies.Users):00}}","model":"mistral:7b-instruct","estimated_tokens":{{estimate}}}"""));
        var answer = await SendAsync(
            RequestKind.Authorize, () => Request("/v1/authorize", body, headers => headers.Authorization = new AuthenticationHeaderValue("Bearer", tenant.Key)), ct);
        if (answer is null)
        {
            return;
        }

        if (answer.Value.GetProperty("allow").GetBoolean())
        {
            await ReportAsync(tenant, [NewEvent(_random.Next(estimate + 1), answer.Value.GetProperty("reservation_id").GetString())], ct);
        }
        else
        {
            Denied++;
        }
    }

    async Task ReportAsync(SoakTenant tenant, IReadOnlyList<(string Id, int Tokens, string Json)> events, CancellationToken ct)
    {
        var body = Encoding.UTF8.GetBytes($"[{string.Join(',', events.Select(usage => usage.Json))}]");
        for (var deliveries = _random.Next(20) == 0 ? 2 : 1; deliveries > 0; deliveries--)
        {
            if (await SendAsync(RequestKind.Usage, () => Signed(tenant, body), ct) is not { } reply)
            {
                return;
            }

            if (reply.GetProperty("rejected").GetArrayLength() > 0)
            {
                Unexpected.Add(reply.ToString());
                return;
            }
        }

        foreach (var (id, tokens, _) in events)
        {
            Acknowledged.Add(id, tokens);
        }
    }

    (string Id, int Tokens, string Json) NewEvent(int tokens, string? reservation)
    {
        var id = EventBodies.NewId();
        var prompt = _random.Next(tokens + 1);
        return (id, tokens, string.Create(
            CultureInfo.InvariantCulture,
            $$"""{"id":"{{id}}","occurred_at":"{{clock.Now:O}}","user":"user-{{_random.Next(EventBodies.Users):00}}","model":"mistral:7b-instruct","prompt_tokens":{{prompt}},"completion_tokens":{{tokens - prompt}},"reservation_id":{{(reservation is null ? "null" : $"\"{reservation}\"")}}}"""));
    }

    // Until there is an answer: the client of a killed server cannot know whether its request was carried out. null: refused for good.
    async Task<JsonElement?> SendAsync(RequestKind kind, Func<HttpRequestMessage> create, CancellationToken ct)
    {
        while (true)
        {
            var started = Stopwatch.GetTimestamp();
            try
            {
                using var request = create();
                using var reply = await platform.Http.SendAsync(request, ct);
                if (reply.StatusCode == HttpStatusCode.OK)
                {
                    var answer = await reply.Content.ReadFromJsonAsync<JsonElement>(ct);
                    measurements.Add(kind, started, Stopwatch.GetTimestamp());
                    return answer;
                }

                if (reply.StatusCode is not (HttpStatusCode.ServiceUnavailable or HttpStatusCode.TooManyRequests))
                {
                    Unexpected.Add($"{(int)reply.StatusCode} from {request.RequestUri}: {await reply.Content.ReadAsStringAsync(ct)}");
                    return null;
                }
            }
            catch (Exception e) when (e is HttpRequestException or IOException or JsonException or OperationCanceledException && !ct.IsCancellationRequested)
            {
                // Killed, or cut off.
            }

            await Task.Delay(RetryPause, ct);
        }
    }

    static HttpRequestMessage Signed(SoakTenant tenant, byte[] body)
    {
        var id = $"msg_{EventBodies.NewId()}";
        var timestamp = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        return Request("/v1/usage", body, headers =>
        {
            headers.Add("X-Tenant-Id", tenant.Id.ToString());
            headers.Add("webhook-id", id);
            headers.Add("webhook-timestamp", timestamp);
            headers.Add("webhook-signature", WebhookSignature.Sign(tenant.Secret, id, timestamp, body));
        });
    }

    static HttpRequestMessage Request(string path, byte[] body, Action<HttpRequestHeaders> authenticate)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(body) { Headers = { { "Content-Type", "application/json" } } } };
        authenticate(request.Headers);
        return request;
    }
}
