using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;

namespace ControlPlane.Tests.Support.Crashing;

/// <summary>What the clients of a crashing server do until they are done.</summary>
sealed class Clients(CrashingServer server, string dataFolder, CancellationToken ct)
{
    static readonly TimeSpan MailPause = TimeSpan.FromMilliseconds(50);

    /// <summary>The moment the sandbox clock was last known to stand at.</summary>
    public DateTimeOffset Now { get; private set; }

    public async Task MoveClockAsync(DateTimeOffset now)
    {
        await server.SendAsync(() => Post("/v1/sandbox/clock", new { now }), ct, asOperator: true);
        Now = now;
    }

    public Task RunJobAsync(string job) => server.SendAsync(() => Post($"/v1/admin/jobs/{job}/run", new { }), ct, asOperator: true);

    public async Task<TestTenant> CreateTenantAsync(string plan)
    {
        var slug = Names.Random("c");
        var made = await server.SendAsync(
            () => Post("/v1/admin/tenants", new { organization = $"Organization {slug}", slug, plan, email = $"owner@{slug}.example", country = "DE" }), ct, asOperator: true);
        return new TestTenant(made.GetProperty("tenant_id").GetGuid(), slug, made.GetProperty("api_key").GetString()!, made.GetProperty("webhook_secret").GetString()!, new HttpClient());
    }

    /// <summary>Signs up, waits for the mail and follows its link.</summary>
    public async Task<(Guid Tenant, string Slug)> SignUpAsync()
    {
        var person = Person.New() with { Plan = "basic" };
        var tenant = (await server.SendAsync(() => Post("/v1/signup", person.Fields), ct)).GetProperty("tenant_id").GetGuid();
        var link = await MailedLinkAsync(person.Email);
        var verified = await server.SendAsync(() => new HttpRequestMessage(HttpMethod.Get, link) { Headers = { { "Accept", "application/json" } } }, ct);
        Assert.Equal("active", verified.GetProperty("status").GetString());
        return (tenant, person.Slug);
    }

    /// <summary>Delivers batches of events as signed webhooks, each until it is taken. One in eight is about last week.</summary>
    /// <param name="pause">Between two deliveries.</param>
    /// <param name="queued">Told how many events the server said it will count later.</param>
    /// <returns>The ids and tokens of the events the server said it has counted, or will.</returns>
    public async Task<Dictionary<string, long>> ReportAsync(
        TestTenant tenant, Random random, Task until, Action<HttpResponseMessage>? refused = null, Action<long>? queued = null, TimeSpan pause = default)
    {
        var counted = new Dictionary<string, long>(StringComparer.Ordinal);
        while (!until.IsCompleted)
        {
            var at = (Now == default ? TimeProvider.System.GetUtcNow() : Now).AddDays(random.Next(8) == 0 ? -random.Next(10) : 0);
            var events = Enumerable.Range(0, random.Next(1, 60)).Select(_ => (Id: Names.Random("e"), Prompt: random.Next(20_000), Completion: random.Next(20_000))).ToList();
            var body = JsonSerializer.SerializeToUtf8Bytes(events.Select(e => Deliveries.Event(e.Id, at.AddSeconds(-random.Next(3600)), e.Prompt, e.Completion)));
            var id = Names.Random("msg_");
            var reply = await server.SendAsync(() => Signed(tenant, id, body), ct, refused: refused);
            var waiting = reply.TryGetProperty("queued", out var later) ? later.GetInt64() : 0;
            Assert.Equal(events.Count, reply.GetProperty("accepted").GetInt64() + reply.GetProperty("duplicates").GetInt64() + waiting);
            queued?.Invoke(waiting);
            foreach (var e in events)
            {
                counted.Add(e.Id, e.Prompt + e.Completion);
            }

            await Task.Delay(pause, ct);
        }

        return counted;
    }

    async Task<string> MailedLinkAsync(string email)
    {
        while (true)
        {
            var mails = Path.Combine(dataFolder, "mail");
            var found = !Directory.Exists(mails) ? null : Directory.GetFiles(mails, "*.eml").Select(ReceivedMail.Read).FirstOrDefault(mail => mail.To.Contains(email, StringComparison.Ordinal));
            if (found is not null)
            {
                return found.Link("/v1/verify").PathAndQuery;
            }

            await Task.Delay(MailPause, ct);
        }
    }

    static HttpRequestMessage Post(string path, object body) => new(HttpMethod.Post, path) { Content = JsonContent.Create(body) };

    static HttpRequestMessage Signed(TestTenant tenant, string id, byte[] body)
    {
        var timestamp = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var signature = WebhookSignature.Sign(Convert.FromBase64String(tenant.WebhookSecret["whsec_".Length..]), id, timestamp, body);
        return new HttpRequestMessage(HttpMethod.Post, "/v1/usage")
        {
            Content = new ByteArrayContent(body) { Headers = { { "Content-Type", "application/json" } } },
            Headers = { { "X-Tenant-Id", tenant.Id.ToString() }, { "webhook-id", id }, { "webhook-timestamp", timestamp }, { "webhook-signature", signature } },
        };
    }
}
