using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;

namespace ControlPlane.Tests.Support.Crashing;

/// <summary>Clients of a crashing server, which retry until they succeed.</summary>
sealed class Clients(CrashingServer server, string dataFolder, CancellationToken ct)
{
    static readonly TimeSpan MailPause = TimeSpan.FromMilliseconds(50);

    /// <summary>The last known time of the sandbox clock.</summary>
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
        var created = await server.SendAsync(
            () => Post("/v1/admin/tenants", new { organization = $"Organization {slug}", slug, plan, email = $"owner@{slug}.example", country = "DE" }), ct, asOperator: true);
        return new TestTenant(created.GetProperty("tenant_id").GetGuid(), slug, created.GetProperty("api_key").GetString()!, created.GetProperty("webhook_secret").GetString()!, new HttpClient());
    }

    /// <summary>Signs up, waits for the mail and confirms the address with its token.</summary>
    public async Task<(Guid Tenant, string Slug)> SignUpAsync()
    {
        var person = Person.New() with { Plan = "basic" };
        var tenant = (await server.SendAsync(() => Post("/v1/signup", person.Fields), ct)).GetProperty("tenant_id").GetGuid();
        var link = await MailedLinkAsync(person.Email);
        var verified = await server.SendAsync(() => Post("/v1/verify", new { token = Person.TokenOf(link) }), ct);
        Assert.Equal("active", verified.GetProperty("status").GetString());
        return (tenant, person.Slug);
    }

    /// <summary>Delivers batches of events as signed webhooks and retries each until it is accepted. Every eighth batch is up to nine days old.</summary>
    /// <param name="pause">Time between deliveries.</param>
    /// <param name="queued">Called with the number of events that the server has queued.</param>
    /// <returns>The ids and tokens of the events that the server has counted or queued.</returns>
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
            var queuedEvents = reply.TryGetProperty("queued", out var value) ? value.GetInt64() : 0;
            Assert.Equal(events.Count, reply.GetProperty("accepted").GetInt64() + reply.GetProperty("duplicates").GetInt64() + queuedEvents);
            queued?.Invoke(queuedEvents);
            foreach (var e in events)
            {
                counted.Add(e.Id, e.Prompt + e.Completion);
            }

            await Task.Delay(pause, ct);
        }

        return counted;
    }

    async Task<Uri> MailedLinkAsync(string email)
    {
        while (true)
        {
            var mails = Path.Combine(dataFolder, "mail");
            var found = !Directory.Exists(mails) ? null : Directory.GetFiles(mails, "*.eml").Select(ReceivedMail.Read).FirstOrDefault(mail => mail.To.Contains(email, StringComparison.Ordinal));
            if (found is not null)
            {
                return found.Link("/v1/verify");
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
