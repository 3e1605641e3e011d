using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace ControlPlane.Tests;

/// <summary>Usage that arrives while the database is unavailable.</summary>
public class OverflowJourneys
{
    const string Ndjson = "application/x-ndjson";
    static readonly DateTimeOffset Now = new(2026, 1, 15, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task Usage_of_verified_senders_is_queued_and_counted_when_the_database_is_available_again()
    {
        await using var server = await TestServer.StartAsync(clock: Now);
        var tenant = await server.CreateTenantAsync();
        var unverified = await server.CreateTenantAsync();
        await VerifySenderAsync(server, tenant);
        var broken = """{"id":"broken"}""";
        await using (await TestCluster.RefuseAsync(server.ConnectionString))
        {
            Assert.Equal(2, await server.ReportAsync(tenant, Deliveries.Event("signed", Now), Deliveries.Event("no-model", Now, model: "brand-new")).QueuedAsync());
            Assert.Equal(2, await tenant.PostAsync($"[{Line("json")},{broken}]").QueuedAsync());
            Assert.Equal(2, await tenant.PostAsync($"{Line("line")}\n{{\n", Ndjson).QueuedAsync());
            Assert.Equal(1, await server.PostSignedAsync(tenant, Litellm("litellm"), "/v1/usage/litellm").QueuedAsync());
            Assert.Equal(HttpStatusCode.BadRequest, (await server.PostSignedAsync(tenant, "{\"id\": ")).StatusCode);

            await RefusedAsync(server.ReportAsync(unverified, Deliveries.Event("e1", Now)));
            await RefusedAsync(unverified.PostAsync(Line("e1")));
            await RefusedAsync(tenant.PostAuthorizeAsync(new { request_id = "r1", user = "u1", model = "mistral:7b-instruct", estimated_tokens = 1 }));
            Assert.Equal(HttpStatusCode.ServiceUnavailable, (await server.Anonymous.GetAsync("/readyz")).StatusCode);
            Assert.Equal(5, Spool.PendingFiles(server.DataFolder).Length);
        }

        await Spool.WaitUntilEmptyAsync(server.DataFolder);
        Assert.Equal(4 * 150, await tenant.TokensAsync("2026-01-15", "2026-01-16"));
        Assert.Equal(
            ["malformed {", "malformed {\"id\": ", $"malformed {broken}", $"unknown_model {Line("no-model", "brand-new")}"],
            (await HeldAsync(server)).Select(held => $"{held.Code} {held.Raw}").Order(StringComparer.Ordinal));
        Assert.Equal(2, (await tenant.PostAsync($"[{Line("signed")},{Line("json")}]").CountsAsync()).Duplicates);
        Assert.Equal(1, (await server.ReportAsync(unverified, Deliveries.Event("e1", Now)).CountsAsync()).Accepted);
    }

    [Fact]
    public async Task The_rest_of_a_stream_is_queued_when_the_database_becomes_unavailable()
    {
        const int Lines = 20_000;
        await using var server = await TestServer.StartAsync(clock: Now);
        var tenant = await server.CreateTenantAsync();
        IAsyncDisposable? outage = null;
        var content = new StreamedContent(async stream =>
        {
            for (var n = 0; n < Lines; n++)
            {
                await stream.WriteAsync(Encoding.UTF8.GetBytes(Line($"e{n}") + "\n"));
                if (n == Lines / 2)
                {
                    await stream.FlushAsync();
                    while (await server.ReadAsync<long>("select count(*) from control.usage_event") < Lines / 4)
                    {
                        await Task.Delay(20);
                    }

                    outage = await TestCluster.RefuseAsync(server.ConnectionString);
                }
            }
        });

        var reply = await (await tenant.Http.PostAsync("/v1/usage", content)).ReadAsync();
        await outage!.DisposeAsync();

        var (accepted, queued) = (reply.GetProperty("accepted").GetInt64(), reply.GetProperty("queued").GetInt64());
        Assert.Equal(Lines, accepted + queued);
        Assert.True(accepted >= Lines / 4 && queued >= Lines / 4, $"{accepted} accepted, {queued} queued");
        await Spool.WaitUntilEmptyAsync(server.DataFolder);
        Assert.Equal(Lines * 150, await tenant.TokensAsync("2026-01-15", "2026-01-16"));
    }

    [Fact]
    public async Task During_an_outage_a_signature_by_an_unverified_secret_is_answered_with_503_not_401()
    {
        await using var server = await TestServer.StartAsync(clock: Now);
        var tenant = await server.CreateTenantAsync();
        var other = await server.CreateTenantAsync();
        await VerifySenderAsync(server, tenant);
        await VerifySenderAsync(server, other);
        var rotated = (await (await tenant.Http.PostAsync("/v1/webhook-secret/rotate", null)).ReadAsync()).GetProperty("webhook_secret").GetString();
        await using (await TestCluster.RefuseAsync(server.ConnectionString))
        {
            await RefusedAsync(server.PostSignedAsync(tenant, Line("new-secret"), secret: rotated));
            await RefusedAsync(server.PostSignedAsync(tenant, Line("forged"), secret: other.WebhookSecret));
            Assert.Equal(HttpStatusCode.Unauthorized, (await server.PostSignedAsync(tenant, Line("old"), signedAt: server.Clock.Wall.AddMinutes(-6))).StatusCode);
            Assert.Equal(1, await server.PostSignedAsync(tenant, Line("e1")).QueuedAsync());
        }

        await Spool.WaitUntilEmptyAsync(server.DataFolder);
        Assert.Equal(150, await tenant.TokensAsync("2026-01-15", "2026-01-16"));
    }

    [Fact]
    public async Task During_an_outage_a_revoked_key_is_accepted_only_until_its_cache_entry_expires()
    {
        var timeToLive = TimeSpan.FromSeconds(2);
        await using var server = await TestServer.StartAsync(clock: Now, settings: [new("CONTROLPLANE_OVERFLOW_TRUST", "2")]);
        var tenant = await server.CreateTenantAsync();
        await VerifySenderAsync(server, tenant);
        await RevokeKeyAsync(tenant);
        await Task.Delay(timeToLive);
        await using var outage = await TestCluster.RefuseAsync(server.ConnectionString);

        await RefusedAsync(tenant.PostAsync(Line("e1")));
        await RefusedAsync(server.PostSignedAsync(tenant, Line("e1")));
        Assert.Empty(Spool.PendingFiles(server.DataFolder));
    }

    [Fact]
    public async Task During_an_outage_a_key_already_seen_as_revoked_is_refused()
    {
        await using var server = await TestServer.StartAsync(clock: Now);
        var tenant = await server.CreateTenantAsync();
        await VerifySenderAsync(server, tenant);
        await RevokeKeyAsync(tenant);
        Assert.Equal(HttpStatusCode.Unauthorized, (await tenant.PostAsync(Line("e1"))).StatusCode);
        await using var outage = await TestCluster.RefuseAsync(server.ConnectionString);

        await RefusedAsync(tenant.PostAsync(Line("e1")));
    }

    [Fact]
    public async Task A_full_or_failing_spool_answers_503_with_the_reason()
    {
        await using var full = await TestServer.StartAsync(clock: Now, settings: [new("CONTROLPLANE_SPOOL_LIMIT", "0")]);
        await using var failing = await TestServer.StartAsync(clock: Now);
        foreach (var (server, reason) in new[] { (full, "the usage spool is full"), (failing, "the disk is full or failing") })
        {
            var tenant = await server.CreateTenantAsync();
            await VerifySenderAsync(server, tenant);
            await using (await TestCluster.RefuseAsync(server.ConnectionString))
            {
                Directory.Delete(Path.Combine(server.DataFolder, "spool"), recursive: true);
                Assert.Contains(reason, await RefusedAsync(server.ReportAsync(tenant, Deliveries.Event("e1", Now))), StringComparison.Ordinal);
                await RefusedAsync(tenant.PostAsync(Line("e1"), Ndjson));
            }

            await AcceptedAsync(() => server.ReportAsync(tenant, Deliveries.Event("e1", Now)));
        }
    }

    // Retries after a 503, as senders do, because the circuit may still be open for a moment.
    static async Task AcceptedAsync(Func<Task<HttpResponseMessage>> send)
    {
        HttpResponseMessage reply;
        while ((reply = await send()).StatusCode == HttpStatusCode.ServiceUnavailable)
        {
            await Task.Delay(100);
        }

        Assert.Equal(1, (await Task.FromResult(reply).CountsAsync()).Accepted);
    }

    static async Task VerifySenderAsync(TestServer server, TestTenant tenant)
    {
        await server.ReportAsync(tenant).CountsAsync();
        await tenant.PostAsync("[]").CountsAsync();
    }

    static async Task RevokeKeyAsync(TestTenant tenant)
    {
        var key = (await (await tenant.Http.GetAsync("/v1/keys")).ReadAsync()).GetProperty("items")[0].GetProperty("id").GetString();
        Assert.Equal(HttpStatusCode.NoContent, (await tenant.Http.DeleteAsync($"/v1/keys/{key}")).StatusCode);
    }

    static async Task<string> RefusedAsync(Task<HttpResponseMessage> sent)
    {
        using var reply = await sent;
        Assert.Equal(HttpStatusCode.ServiceUnavailable, reply.StatusCode);
        Assert.NotNull(reply.Headers.RetryAfter?.Delta);
        return await reply.Content.ReadAsStringAsync();
    }

    static async Task<IEnumerable<(string Code, string Raw)>> HeldAsync(TestServer server) =>
        (await (await server.Operator.GetAsync("/v1/admin/quarantine")).ReadAsync()).GetProperty("items").EnumerateArray()
            .Select(held => (held.GetProperty("code").GetString()!, held.GetProperty("raw").GetString()!));

    static string Line(string id, string model = "mistral:7b-instruct") => JsonSerializer.Serialize(Deliveries.Event(id, Now, model: model));

    static string Litellm(string id) => JsonSerializer.Serialize(new
    {
        id,
        status = "success",
        model_group = "mistral:7b-instruct",
        prompt_tokens = 100,
        completion_tokens = 50,
        endTime = Now.ToUnixTimeSeconds(),
    });

    /// <summary>A body that is written while it is sent.</summary>
    sealed class StreamedContent : HttpContent
    {
        readonly Func<Stream, Task> _write;

        public StreamedContent(Func<Stream, Task> write)
        {
            _write = write;
            Headers.ContentType = new MediaTypeHeaderValue(Ndjson);
        }

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => _write(stream);

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
