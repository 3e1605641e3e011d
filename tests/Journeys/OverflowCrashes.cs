using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using ControlPlane.Tests.Support.Crashing;

namespace ControlPlane.Tests;

/// <summary>The real program on a PostgreSQL server that stops or hangs under load.</summary>
public sealed class OverflowCrashes : IAsyncLifetime, IDisposable
{
    static readonly TimeSpan Timeout = TimeSpan.FromMinutes(5);

    // Twelve senders with together fifty deliveries and some 1,500 events per second: a small machine drains one minute of this in about another minute.
    static readonly TimeSpan BetweenDeliveries = TimeSpan.FromMilliseconds(240);

    readonly string _data = Directory.CreateTempSubdirectory("controlplane-overflow-").FullName;
    readonly CancellationTokenSource _timeout = new(Timeout);
    readonly ConcurrentQueue<HttpResponseMessage> _refused = new();
    StoppableCluster _cluster = null!;
    CrashingServer _server = null!;
    Clients _clients = null!;
    TestTenant[] _tenants = [];
    long _queued;

    public async Task InitializeAsync()
    {
        _cluster = await StoppableCluster.StartAsync();
        _server = await CrashingServer.StartAsync([], "--database", _cluster.ConnectionString, "--data", _data, "--sandbox");
        _clients = new Clients(_server, _data, _timeout.Token);
        _tenants = [await _clients.CreateTenantAsync("basic"), await _clients.CreateTenantAsync("premium"), await _clients.CreateTenantAsync("basic")];
    }

    public async Task DisposeAsync()
    {
        await _server.DisposeAsync();
        await _cluster.DisposeAsync();
        Directory.Delete(_data, recursive: true);
    }

    public void Dispose() => _timeout.Dispose();

    [Fact]
    public async Task With_the_database_stopped_for_a_minute_under_load_every_event_is_accepted_and_counted_once()
    {
        var reported = await ReportAsync(async () =>
        {
            await Task.Delay(TimeSpan.FromSeconds(3));
            await _cluster.StopAsync();
            await Task.Delay(TimeSpan.FromSeconds(60));
            Assert.NotEmpty(Spool.PendingFiles(_data));
            await _cluster.RestartAsync();
            await Task.Delay(TimeSpan.FromSeconds(3));
        });

        Assert.Empty(_refused);
        await AssertCountedOnceAsync(reported);
    }

    [Fact]
    public async Task With_the_database_hung_under_load_every_event_is_accepted_and_counted_once()
    {
        var unknown = await _clients.CreateTenantAsync("basic");
        var reported = await ReportAsync(async () =>
        {
            await Task.Delay(TimeSpan.FromSeconds(2));
            await _cluster.HangAsync();
            await Task.Delay(TimeSpan.FromSeconds(15));
            Assert.Equal(HttpStatusCode.ServiceUnavailable, (await _server.Anonymous.GetAsync("/readyz")).StatusCode);
            using var fromUnknown = new HttpRequestMessage(HttpMethod.Post, "/v1/usage") { Headers = { { "Authorization", $"Bearer {unknown.ApiKey}" } } };
            Assert.Equal(HttpStatusCode.ServiceUnavailable, (await _server.Anonymous.SendAsync(fromUnknown)).StatusCode);
            using var authorize = new HttpRequestMessage(HttpMethod.Post, "/v1/authorize") { Headers = { { "Authorization", $"Bearer {unknown.ApiKey}" } } };
            authorize.Content = JsonContent.Create(new { request_id = "r1", user = "u1", model = "mistral:7b-instruct", estimated_tokens = 1 });
            Assert.Equal(HttpStatusCode.ServiceUnavailable, (await _server.Anonymous.SendAsync(authorize)).StatusCode);
            Assert.NotEmpty(Spool.PendingFiles(_data));
            await _cluster.ResumeAsync();
        });

        Assert.Empty(_refused);
        await AssertCountedOnceAsync(reported);
    }

    [Fact]
    public async Task Killed_while_usage_is_queued_or_drained_the_program_neither_loses_nor_duplicates_events()
    {
        var random = new Random(Seeds.Next());
        var reported = await ReportAsync(async () =>
        {
            for (var i = 0; i < 3; i++)
            {
                await Task.Delay(random.Next(1_000, 2_000));
                await _cluster.StopAsync();
                await Task.Delay(random.Next(1_000, 4_000));
                // The program needs its database to start, and then drains the spool.
                await _server.CrashAsync(_cluster.RestartAsync);
                await Task.Delay(random.Next(500));
                await _server.CrashAsync();
            }
        });

        await AssertCountedOnceAsync(reported);
    }

    /// <summary>Reports usage of every tenant with four senders each until the outage is over.</summary>
    async Task<Dictionary<string, long>[]> ReportAsync(Func<Task> outage)
    {
        // The server verifies all senders before the outage.
        var before = await Task.WhenAll(_tenants.Select(tenant => _clients.ReportAsync(tenant, new Random(1), until: Task.Delay(100))));
        var until = outage();
        var reported = await Task.WhenAll(_tenants.Select(tenant => Task.WhenAll(Enumerable.Range(0, 4).Select(_ => _clients.ReportAsync(
            tenant, new Random(Random.Shared.Next()), until, refused: _refused.Enqueue, queued: events => Interlocked.Add(ref _queued, events), BetweenDeliveries)))));
        await until;
        return [.. reported.Zip(before, (ofSenders, first) => ofSenders.Append(first).SelectMany(events => events).ToDictionary())];
    }

    async Task AssertCountedOnceAsync(Dictionary<string, long>[] reported)
    {
        Assert.NotEqual(0, _queued);
        await Spool.WaitUntilEmptyAsync(_data);
        Assert.Empty(Spool.FailedFiles(_data));
        await _clients.RunJobAsync("nightly");
        await using var invariants = new DatabaseInvariants(_cluster.ConnectionString);
        foreach (var (tenant, events) in _tenants.Zip(reported))
        {
            var stored = await invariants.ScalarAsync<string[]>("select array_agg(id) from control.usage_event where tenant_id = $1", tenant.Id) ?? [];
            Assert.Equal(events.Count, stored.Length);
            Assert.True(events.Keys.ToHashSet().SetEquals(stored));
            Assert.Equal(events.Values.Sum(), await invariants.ScalarAsync<long>("select sum(prompt_tokens + completion_tokens)::bigint from control.usage_counter where tenant_id = $1", tenant.Id));
        }

        Assert.DoesNotContain(await invariants.FindViolationsAsync(), rule => rule.StartsWith("Event", StringComparison.Ordinal));
    }
}
