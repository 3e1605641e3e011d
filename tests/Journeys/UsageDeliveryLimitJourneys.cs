using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace ControlPlane.Tests;

/// <summary>What one tenant has in progress uses up neither the process's memory nor its connections, and what is refused is not lost.</summary>
public sealed class UsageDeliveryLimitJourneys : IAsyncLifetime
{
    const string Ndjson = "application/x-ndjson";
    static readonly DateTimeOffset Now = new(2026, 1, 15, 12, 0, 0, TimeSpan.Zero);
    static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    TestServer _server = null!;
    TestTenant _busy = null!;
    TestTenant _other = null!;

    public async Task InitializeAsync()
    {
        _server = await TestServer.StartAsync(clock: Now, settings: [new("CONTROLPLANE_USAGE_BODIES", "128")]);
        (_busy, _other) = (await _server.CreateTenantAsync(), await _server.CreateTenantAsync());
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Of_many_streams_of_one_tenant_a_few_run_and_the_others_get_429()
    {
        var opened = new List<(OpenStream Stream, Task<string> Response)>();
        for (var n = 0; n < 2 * UsageDeliveries.StreamsPerTenant; n++)
        {
            // The empty lines are more than the server's minimum for some minutes.
            var stream = await OpenStream.StartAsync(_server, _busy, Line($"open-{n}") + new string('\n', 100_000));
            opened.Add((stream, stream.ResponseAsync()));
        }

        await UntilAsync(() => Task.FromResult(opened.Count(stream => stream.Response.IsCompleted) >= UsageDeliveries.StreamsPerTenant));
        Assert.All(opened.Where(stream => stream.Response.IsCompleted), stream => Assert.Contains(" 429 ", stream.Response.Result, StringComparison.Ordinal));
        var streams = opened.Where(stream => !stream.Response.IsCompleted).ToList();
        Assert.Equal(UsageDeliveries.StreamsPerTenant, streams.Count);
        var refused = await Task.WhenAll(Enumerable.Range(0, 300).Select(n => PostStreamAsync(_busy, $"refused-{n}")));
        Assert.All(refused, reply => Assert.Equal((HttpStatusCode.TooManyRequests, true), (reply.StatusCode, reply.Headers.RetryAfter?.Delta > TimeSpan.Zero)));
        Assert.Contains("4 streams", await refused[0].Content.ReadAsStringAsync(), StringComparison.Ordinal);

        // Single deliveries of the tenant, and other tenants, are not affected.
        Assert.Equal(1, (await _busy.PostAsync(Line("single")).CountsAsync()).Accepted);
        Assert.Equal(HttpStatusCode.OK, (await PostStreamAsync(_other, "e1")).StatusCode);

        // One that is broken off frees its place, as does one that ends.
        streams[0].Stream.Abort();
        await UntilAsync(async () => (await PostStreamAsync(_busy, "after-abort")).StatusCode == HttpStatusCode.OK);
        foreach (var (stream, response) in streams.Skip(1))
        {
            await stream.EndAsync();
            Assert.Contains(" 200 ", await response.WaitAsync(Deadline), StringComparison.Ordinal);
        }

        Assert.Equal(3, await CountAsync(_busy, "id like 'open-%'"));
        Assert.Equal(2, await CountAsync(_busy, "id in ('single', 'after-abort')"));
        Assert.Equal(0, await CountAsync(_busy, "id like 'refused-%'"));
    }

    [Fact]
    public async Task Bodies_beyond_the_share_of_one_tenant_get_429_and_are_counted_once_when_they_are_sent_again()
    {
        // 15 MiB each: two fit into the quarter of 128 MiB that one tenant may hold.
        var bodies = Enumerable.Range(0, 4).Select(n => $"[{Line($"e{n}")}{new string(' ', 15 * 1024 * 1024)}]").ToList();
        Task<HttpResponseMessage>[] sent;
        await using (var invoicing = await _server.Database.BeginJobAsync(default))
        {
            await invoicing.ExecuteAsync(BillingLock.Acquire, default, _busy.Id);
            sent = [.. bodies.Select((body, n) => n % 2 == 0 ? _busy.PostAsync(body) : _server.PostSignedAsync(_busy, body))];
            using var refused = await Task.WhenEach(sent).Select((Task<HttpResponseMessage> done, CancellationToken _) => new ValueTask<HttpResponseMessage>(done))
                .FirstAsync(reply => reply.StatusCode == HttpStatusCode.TooManyRequests).AsTask().WaitAsync(Deadline);
            Assert.NotNull(refused.Headers.RetryAfter?.Delta);
            Assert.Contains("send it again", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
            Assert.Equal(1, (await _other.PostAsync(Line("e1")).CountsAsync()).Accepted);
        }

        await Task.WhenAll(sent);
        foreach (var body in bodies)
        {
            Assert.Equal(HttpStatusCode.OK, (await _busy.PostAsync(body)).StatusCode);
        }

        Assert.Equal(4, await CountAsync(_busy, "true"));
        Assert.Equal(4 * 150, await _busy.TokensAsync("2026-01-15", "2026-01-16"));
    }

    [Fact]
    public async Task Lines_that_do_not_end_count_towards_the_share_of_their_tenant()
    {
        var streams = new List<OpenStream>();
        for (var n = 0; n < 3; n++)
        {
            // Together less than four of the longest lines, but more than one tenant may hold.
            var stream = await OpenStream.StartAsync(_server, _busy, $"{Line($"e{n}")}\n");
            streams.Add(stream);
            await stream.SendAsync(new string('x', 12 * 1024 * 1024));
        }

        var answers = streams.ConvertAll(stream => stream.ResponseAsync());
        var refused = await await Task.WhenAny(answers).WaitAsync(Deadline);
        Assert.Contains(" 429 ", refused, StringComparison.Ordinal);
        Assert.Contains("Retry-After", refused, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await PostStreamAsync(_other, "e1")).StatusCode);
        Assert.Equal(1, (await _other.PostAsync(Line("e2")).CountsAsync()).Accepted);
        streams.ForEach(stream => stream.Abort());
        await UntilAsync(async () => (await PostStreamAsync(_busy, "after")).StatusCode == HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_stream_is_not_limited_by_what_it_has_committed()
    {
        // 64 MiB, twice the tenant's share.
        var padding = new string(' ', 64 * 1024);
        using var content = new StringContent(string.Concat(Enumerable.Range(0, 1_024).Select(n => $"{Line($"e{n}")}{padding}\n")), Encoding.UTF8, Ndjson);
        using var reply = await _busy.Http.PostAsync("/v1/usage", content);
        Assert.Equal(HttpStatusCode.OK, reply.StatusCode);
        Assert.Equal(1_024, await CountAsync(_busy, "true"));
    }

    [Fact]
    public async Task A_stream_ends_when_its_key_is_revoked()
    {
        var padding = new string(' ', 4 * 1024 * 1024);
        var stream = await OpenStream.StartAsync(_server, _busy, $"{Line("before")}{padding}\n");
        await UntilAsync(async () => await CountAsync(_busy, "id = 'before'") == 1);
        await _server.SqlAsync("update control.tenant_key set revoked_at = now() where tenant_id = $1", _busy.Id);

        await stream.SendAsync($"{Line("after")}\n");
        await stream.EndAsync();

        var response = await stream.ResponseAsync();
        Assert.Contains(" 401 ", response, StringComparison.Ordinal);
        Assert.Contains("\"accepted\":1", response, StringComparison.Ordinal);
        Assert.Equal(0, await CountAsync(_busy, "id = 'after'"));
    }

    static Task<HttpResponseMessage> PostStreamAsync(TestTenant tenant, string id) => tenant.PostAsync(Line(id), Ndjson);

    Task<long> CountAsync(TestTenant tenant, string condition) =>
        _server.ReadAsync<long>($"select count(*) from control.usage_event where tenant_id = $1 and ({condition})", tenant.Id);

    static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var timeout = new CancellationTokenSource(Deadline);
        while (!await condition())
        {
            await Task.Delay(50, timeout.Token);
        }
    }

    static string Line(string id) => JsonSerializer.Serialize(Deliveries.Event(id, Now));

    /// <summary>A stream of usage whose end the test decides.</summary>
    sealed class OpenStream(TcpClient client)
    {
        public static async Task<OpenStream> StartAsync(TestServer server, TestTenant tenant, string text)
        {
            var client = new TcpClient();
            await client.ConnectAsync("localhost", server.Address.Port);
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(
                $"POST /v1/usage HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {tenant.ApiKey}\r\nContent-Type: {Ndjson}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"));
            var stream = new OpenStream(client);
            await stream.SendAsync(text);
            return stream;
        }

        public Task SendAsync(string text) => client.GetStream().WriteAsync(Encoding.UTF8.GetBytes($"{Encoding.UTF8.GetByteCount(text):x}\r\n{text}\r\n")).AsTask();

        public Task EndAsync() => client.GetStream().WriteAsync("0\r\n\r\n"u8.ToArray()).AsTask();

        public async Task<string> ResponseAsync()
        {
            var buffer = new byte[64 * 1024];
            return Encoding.UTF8.GetString(buffer, 0, await client.GetStream().ReadAtLeastAsync(buffer, 200, throwOnEndOfStream: false));
        }

        public void Abort()
        {
            client.LingerState = new LingerOption(enable: true, seconds: 0);
            client.Dispose();
        }
    }
}
