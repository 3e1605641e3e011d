using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace ControlPlane.Tests;

/// <summary>Neither parsing a delivery nor its reply costs other tenants memory or processors.</summary>
public sealed class UsageReplyJourneys : IAsyncLifetime
{
    static readonly DateTimeOffset Now = new(2026, 1, 15, 12, 0, 0, TimeSpan.Zero);

    TestServer _server = null!;
    TestTenant _busy = null!;
    TestTenant _other = null!;

    public async Task InitializeAsync()
    {
        _server = await TestServer.StartAsync(clock: Now);
        (_busy, _other) = (await _server.CreateTenantAsync(), await _server.CreateTenantAsync());
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task A_reply_lists_the_first_rejections_and_counts_all()
    {
        var events = Enumerable.Range(0, 600).Select(n => Deliveries.Event($"e{n}", Now.AddHours(1))).Append(Deliveries.Event("good", Now));
        var reply = await (await _busy.PostAsync(JsonSerializer.Serialize(events))).ReadAsync();
        Assert.Equal((1, 600), (reply.GetProperty("accepted").GetInt64(), reply.GetProperty("rejected_total").GetInt64()));
        Assert.Equal(Enumerable.Range(0, 500), reply.GetProperty("rejected").EnumerateArray().Select(rejected => rejected.GetProperty("index").GetInt32()));
        Assert.Equal(600, await _server.ReadAsync<long>("select count(*) from control.quarantine where code = 'in_future'"));
    }

    [Fact]
    public async Task A_delivery_is_in_progress_until_its_reply_is_read()
    {
        // More than a megabyte of rejections each: three of them do not fit between server and client.
        var (id, model) = (string.Concat(Enumerable.Repeat("😀", 90)), string.Concat(Enumerable.Repeat("😀", 100)));
        var body = JsonSerializer.Serialize(Enumerable.Range(0, 500).Select(n => Deliveries.Event($"{n}{id}", Now, model: model)));
        var request =
            $"POST /v1/usage HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {_busy.ApiKey}\r\nContent-Type: application/json\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\n\r\n{body}";
        using var client = new TcpClient { ReceiveBufferSize = 2_048 };
        await client.ConnectAsync("localhost", _server.Address.Port);
        var sending = client.GetStream().WriteAsync(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(request, 3)))).AsTask();
        await UntilAsync(async () => await _server.ReadAsync<long>("select count(*) from control.quarantine") == 500);
        await Task.Delay(TimeSpan.FromSeconds(2));

        Assert.Equal(UsageDeliveries.BodiesPerTenant - 1, FreePlaces());
        client.LingerState = new LingerOption(enable: true, seconds: 0);
        client.Dispose();
        await Record.ExceptionAsync(() => sending);
        await UntilAsync(() => Task.FromResult(FreePlaces() == UsageDeliveries.BodiesPerTenant));

        int FreePlaces()
        {
            var deliveries = _server.Services.GetRequiredService<UsageDeliveries>();
            var started = new List<UsageDelivery>();
            while (deliveries.TryStart(_busy.Id, isStream: false) is { } delivery)
            {
                started.Add(delivery);
            }

            started.ForEach(delivery => delivery.Dispose());
            return started.Count;
        }
    }

    [Fact]
    public async Task Deliveries_of_one_tenant_are_parsed_one_at_a_time_and_those_of_others_beside_them()
    {
        var deliveries = new UsageDeliveries(maximumBytes: 1_000_000);
        using var first = deliveries.TryStart(_busy.Id, isStream: false);
        using var second = deliveries.TryStart(_busy.Id, isStream: false);
        using var other = deliveries.TryStart(_other.Id, isStream: false);
        using var gate = new ManualResetEventSlim();
        using var began = new ManualResetEventSlim();
        var parsing = Task.Run(() => first!.ParseAsync(() => { began.Set(); gate.Wait(); return 1; }, default));
        began.Wait();

        var waiting = second!.ParseAsync(() => 2, default);
        Assert.Equal(3, await other!.ParseAsync(() => 3, default));
        Assert.False(waiting.IsCompleted);
        gate.Set();
        Assert.Equal((1, 2), (await parsing, await waiting));
        await Assert.ThrowsAsync<JsonException>(() => second.ParseAsync<int>(() => throw new JsonException(), default));
        Assert.Equal(4, await first!.ParseAsync(() => 4, default));
    }

    static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!await condition())
        {
            await Task.Delay(50, timeout.Token);
        }
    }
}
