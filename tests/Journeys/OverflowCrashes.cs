using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using ControlPlane.Tests.Support.Crashing;

namespace ControlPlane.Tests;

/// <summary>The real program on a PostgreSQL server that stops and hangs under load.</summary>
[Trait("Category", "Slow")]
public sealed class OverflowCrashes : IAsyncLifetime, IDisposable
{
    static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    // Twelve senders, fifty deliveries a second, some 1,500 events: what is queued in a minute is counted in another on a small machine.
    static readonly TimeSpan BetweenDeliveries = TimeSpan.FromMilliseconds(240);

    readonly string _data = Directory.CreateTempSubdirectory("controlplane-overflow-").FullName;
    readonly CancellationTokenSource _patience = new(Patience);
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
        _clients = new Clients(_server, _data, _patience.Token);
        _tenants = [await _clients.CreateTenantAsync("basic"), await _clients.CreateTenantAsync("premium"), await _clients.CreateTenantAsync("basic")];
    }

    public async Task DisposeAsync()
    {
        await _server.DisposeAsync();
        await _cluster.DisposeAsync();
        Directory.Delete(_data, recursive: true);
    }

    public void Dispose() => _patience.Dispose();

    [Fact]
    public async Task With_the_database_stopped_for_a_minute_under_load_every_event_is_taken_and_counted_once()
    {
        var reported = await ReportAsync(async () =>
        {
            await Task.Delay(TimeSpan.FromSeconds(3));
            await _cluster.StopAsync();
            await Task.Delay(TimeSpan.FromSeconds(60));
            Assert.NotEmpty(Spool.Waiting(_data));
            await _cluster.RestartAsync();
            await Task.Delay(TimeSpan.FromSeconds(3));
        });

        Assert.Empty(_refused);
        await CountedOnceAsync(reported);
    }

    [Fact]
    public async Task With_the_database_hung_under_load_every_event_is_taken_and_counted_once()
    {
        var unknown = await _clients.CreateTenantAsync("basic");
        var reported = await ReportAsync(async () =>
        {
            await Task.Delay(TimeSpan.FromSeconds(2));
            await _cluster.HangAsync();
            await Task.Delay(TimeSpan.FromSeconds(15));
            Assert.Equal(HttpStatusCode.ServiceUnavailable, (await _server.Anyone.GetAsync("/readyz")).StatusCode);
            using var fromUnknown = new HttpRequestMessage(HttpMethod.Post, "/v1/usage") { Headers = { { "Authorization", $"Bearer {unknown.ApiKey}" } } };
            Assert.Equal(HttpStatusCode.ServiceUnavailable, (await _server.Anyone.SendAsync(fromUnknown)).StatusCode);
            using var asking = new HttpRequestMessage(HttpMethod.Post, "/v1/authorize") { Headers = { { "Authorization", $"Bearer {unknown.ApiKey}" } } };
            asking.Content = JsonContent.Create(new { request_id = "r1", user = "u1", model = "mistral:7b-instruct", estimated_tokens = 1 });
            Assert.Equal(HttpStatusCode.ServiceUnavailable, (await _server.Anyone.SendAsync(asking)).StatusCode);
            Assert.NotEmpty(Spool.Waiting(_data));
            await _cluster.ResumeAsync();
        });

        Assert.Empty(_refused);
        await CountedOnceAsync(reported);
    }

    [Fact]
    public async Task Killed_while_usage_waits_and_while_it_is_counted_the_program_loses_and_doubles_nothing()
    {
        var random = new Random(Seeds.Next());
        var reported = await ReportAsync(async () =>
        {
            for (var i = 0; i < 3; i++)
            {
                await Task.Delay(random.Next(1_000, 2_000));
                await _cluster.StopAsync();
                await Task.Delay(random.Next(1_000, 4_000));
                // It needs its database to start; what waits is counted from then on.
                await _server.CrashAsync(_cluster.RestartAsync);
                await Task.Delay(random.Next(500));
                await _server.CrashAsync();
            }
        });

        await CountedOnceAsync(reported);
    }

    /// <summary>Reports for every tenant, four senders each, until all that happens has happened.</summary>
    async Task<Dictionary<string, long>[]> ReportAsync(Func<Task> happening)
    {
        // Everybody is known before anything happens.
        var known = await Task.WhenAll(_tenants.Select(tenant => _clients.ReportAsync(tenant, new Random(1), until: Task.Delay(100))));
        var until = happening();
        var reported = await Task.WhenAll(_tenants.Select(tenant => Task.WhenAll(Enumerable.Range(0, 4).Select(_ => _clients.ReportAsync(
            tenant, new Random(Random.Shared.Next()), until, refused: _refused.Enqueue, queued: events => Interlocked.Add(ref _queued, events), BetweenDeliveries)))));
        await until;
        return [.. reported.Zip(known, (ofSenders, before) => ofSenders.Append(before).SelectMany(events => events).ToDictionary())];
    }

    async Task CountedOnceAsync(Dictionary<string, long>[] reported)
    {
        Assert.NotEqual(0, _queued);
        await Spool.EmptyAsync(_data);
        Assert.Empty(Spool.Failed(_data));
        await _clients.RunJobAsync("nightly");
        await using var books = new Books(_cluster.ConnectionString);
        foreach (var (tenant, events) in _tenants.Zip(reported))
        {
            var there = await books.AskAsync<string[]>("select array_agg(id) from control.usage_event where tenant_id = $1", tenant.Id) ?? [];
            Assert.Equal(events.Count, there.Length);
            Assert.True(events.Keys.ToHashSet().SetEquals(there));
            Assert.Equal(events.Values.Sum(), await books.AskAsync<long>("select sum(prompt_tokens + completion_tokens)::bigint from control.usage_counter where tenant_id = $1", tenant.Id));
        }

        Assert.DoesNotContain(await books.BrokenAsync(), rule => rule.StartsWith("Event", StringComparison.Ordinal));
    }
}
