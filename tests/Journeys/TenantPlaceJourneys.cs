using System.Net;
using System.Text.Json;

namespace ControlPlane.Tests;

/// <summary>Where each process serves one request at a time, as functions do, the database bounds how many of them one tenant takes up.</summary>
public sealed class TenantPlaceJourneys : IAsyncLifetime
{
    static readonly DateTimeOffset Now = new(2026, 1, 15, 12, 0, 0, TimeSpan.Zero);
    static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    TestServer _server = null!;
    TestTenant _busy = null!;
    TestTenant _free = null!;

    public async Task InitializeAsync()
    {
        _server = await TestServer.StartAsync(clock: Now);
        (_busy, _free) = (await _server.CreateReadyTenantAsync(), await _server.CreateReadyTenantAsync());
        await Task.WhenAll(_busy.AuthorizeAsync(1), _free.AuthorizeAsync(1));
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Theory]
    [InlineData(1)]
    [InlineData(100)]
    public async Task Of_twenty_processes_with_usage_of_a_locked_tenant_eight_wait_and_the_others_are_free_at_once(int events)
    {
        var processes = Enumerable.Range(0, 20).Select(_ => new RecordUsage(_server.Database, _server.Clock)).ToList();
        await using (var invoicing = await _server.Database.BeginJobAsync(default))
        {
            await invoicing.ExecuteAsync(BillingLock.Acquire, default, _busy.Id);
            var sent = processes.Select((process, n) => RefusedAsync(process.RunAsync(_busy.Id, Delivery($"e{n}", events), default))).ToList();
            var refused = new List<TenantBusyException>();
            while (refused.Count < 12)
            {
                var first = await Task.WhenAny(sent).WaitAsync(Deadline);
                sent.Remove(first);
                refused.Add(await first);
            }

            Assert.All(refused, busy => Assert.True(busy.QueueIsFull));
            Assert.Equal(events, (await processes[0].RunAsync(_free.Id, Delivery("e", events), default)).Accepted);
            Assert.All(await Task.WhenAll(sent).WaitAsync(Deadline), busy => Assert.False(busy.QueueIsFull));
        }

        foreach (var (n, process) in processes.Index())
        {
            Assert.Equal(events, (await process.RunAsync(_busy.Id, Delivery($"e{n}", events), default)).Accepted);
            await process.DisposeAsync();
        }
    }

    [Fact]
    public async Task An_authorization_that_would_have_to_wait_gets_429_while_32_others_of_its_tenant_do_and_one_that_need_not_wait_is_answered()
    {
        await using var others = await TakeAllAsync("authorize", 32);
        Assert.True((await _busy.AuthorizeAsync(1)).Allow);
        await using (var locking = await _server.Database.BeginJobAsync(default))
        {
            await locking.ExecuteAsync("select from control.budget where tenant_id = $1 for update", default, _busy.Id);
            using var refused = await _busy.PostAuthorizeAsync(new { request_id = "r1", user = "u1", model = "mistral:7b-instruct", estimated_tokens = 1 });
            Assert.Equal((HttpStatusCode.TooManyRequests, true), (refused.StatusCode, refused.Headers.RetryAfter?.Delta > TimeSpan.Zero));
            Assert.True((await _free.AuthorizeAsync(1)).Allow);
        }

        Assert.True((await _busy.AuthorizeAsync(1)).Allow);
    }

    [Fact]
    public async Task Requests_of_a_tenant_with_32_connections_in_all_processes_together_get_429()
    {
        await using (await TakeAllAsync("connection", 32))
        {
            foreach (var path in (string[])["/v1/usage", "/v1/keys", "/v1/invoices"])
            {
                using var refused = await _busy.Http.GetAsync(path);
                Assert.Equal((HttpStatusCode.TooManyRequests, true), (refused.StatusCode, refused.Headers.RetryAfter?.Delta > TimeSpan.Zero));
                Assert.Equal(HttpStatusCode.OK, (await _free.Http.GetAsync(path)).StatusCode);
            }
        }

        Assert.Equal(HttpStatusCode.OK, (await _busy.Http.GetAsync("/v1/usage")).StatusCode);
    }

    /// <summary>The places of other processes, until the transaction ends.</summary>
    async Task<Transaction> TakeAllAsync(string work, int places)
    {
        var transaction = await _server.Database.BeginJobAsync(default);
        await transaction.ExecuteAsync(
            "select pg_advisory_xact_lock(hashtextextended(format('%s place %s of %s', $1, n, $2), 0)) from generate_series(1, $3) n", default, work, _busy.Id, places);
        return transaction;
    }

    static async Task<TenantBusyException> RefusedAsync(Task<IngestReply> delivery) => await Assert.ThrowsAsync<TenantBusyException>(() => delivery);

    static List<Submission> Delivery(string name, int events) => UsageParser.ParseJson(
        JsonSerializer.SerializeToUtf8Bytes(Enumerable.Range(0, events).Select(n => Deliveries.Event($"{name}-{n}", Now))), UsageFormat.Event);
}
