using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace ControlPlane.Tests;

/// <summary>An operator replays or discards all held events of one reason; a job does it event by event, with progress.</summary>
public sealed class QuarantineBatchJourneys : IAsyncLifetime
{
    static readonly DateTimeOffset Now = new(2026, 1, 15, 12, 0, 0, TimeSpan.Zero);
    TestServer _server = null!;
    TestTenant _tenant = null!;

    public async Task InitializeAsync()
    {
        _server = await TestServer.StartAsync(clock: Now);
        _tenant = await _server.CreateTenantAsync();
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task A_replay_that_counts_nothing_says_how_many_events_remain_and_why()
    {
        await _server.ReportAsync(_tenant, [.. Enumerable.Range(0, 27).Select(n => Deliveries.Event($"e{n}", Now, prompt: 100))]).CountsAsync();
        await _server.ReportAsync(_tenant, [.. Enumerable.Range(0, 27).Select(n => Deliveries.Event($"e{n}", Now, prompt: 101))]).CountsAsync();

        var requested = await RequestAsync(new { action = "replay", code = "conflict" });
        Assert.Equal(HttpStatusCode.Accepted, requested.StatusCode);
        await _server.RunJobAsync("quarantine");

        var batch = await LatestAsync();
        Assert.Equal((27, 27, 27), (Number(batch, "total"), Number(batch, "processed"), batch.GetProperty("still_held").GetProperty("conflict").GetInt64()));
        Assert.True(batch.TryGetProperty("finished_at", out _));
        Assert.Equal(27, await HeldAsync());
    }

    [Fact]
    public async Task More_events_than_one_piece_are_replayed_after_their_cause_is_fixed()
    {
        await _server.ReportAsync(_tenant, [.. Enumerable.Range(0, 250).Select(n => Deliveries.Event($"e{n}", Now, model: n < 245 ? "new-model" : "other-model"))]).CountsAsync();
        await AddModelAsync("new-model");
        // One of them was fixed by sending it again with a known model, so its replay is a conflict.
        await _server.ReportAsync(_tenant, Deliveries.Event("e7", Now)).CountsAsync();

        await RequestAsync(new { action = "replay", code = "unknown_model" });
        await _server.RunJobAsync("quarantine");

        var batch = await LatestAsync();
        Assert.Equal((250, 250), (Number(batch, "total"), Number(batch, "processed")));
        Assert.Equal(["conflict 1", "unknown_model 5"], batch.GetProperty("still_held").EnumerateObject().Select(reason => $"{reason.Name} {reason.Value}"));
        Assert.Equal(245, await _server.ReadAsync<long>("select count(*) from control.usage_event"));
        // The reason is that of the last attempt.
        Assert.Equal(1, await _server.ReadAsync<long>("select count(*) from control.quarantine where state = 'held' and code = 'conflict'"));
        Assert.Equal(244, await _server.ReadAsync<long>("select count(*) from control.audit_log where action = 'quarantine.replayed' and actor = 'operator'"));
    }

    [Fact]
    public async Task A_discard_of_one_tenants_events_leaves_those_of_others_and_of_later()
    {
        var other = await _server.CreateTenantAsync();
        await _server.ReportAsync(_tenant, new { id = "1" }, new { id = "2" }).CountsAsync();
        await _server.ReportAsync(other, new { id = "3" }).CountsAsync();

        Assert.Equal(HttpStatusCode.BadRequest, (await RequestAsync(new { action = "discard", code = "malformed" })).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await RequestAsync(new { action = "replay", code = "too_old" })).StatusCode);
        await using (var job = await _server.Database.OpenJobAsync(default))
        {
            // Keeps the job from starting.
            await job.ExecuteAsync("select pg_advisory_lock(hashtextextended('job quarantine', 0))", default);
            Assert.Equal(HttpStatusCode.Accepted, (await RequestAsync(new { action = "discard", code = "malformed", tenant_id = _tenant.Id, reason = "test data" })).StatusCode);
            Assert.Equal(HttpStatusCode.Accepted, (await RequestAsync(new { action = "discard", code = "malformed", tenant_id = _tenant.Id, reason = "test data" })).StatusCode);
            Assert.Equal(HttpStatusCode.Conflict, (await RequestAsync(new { action = "replay", code = "malformed", tenant_id = _tenant.Id })).StatusCode);
            await _server.Clock.MoveAsync(_server.Database, Now.AddSeconds(1), default);
            await _server.ReportAsync(_tenant, new { id = "later" }).CountsAsync();
        }

        await _server.RunJobAsync("quarantine");
        Assert.Equal(2, await HeldAsync());
        Assert.Equal(2, Number(await LatestAsync(), "processed"));
        Assert.Equal(2, await _server.ReadAsync<long>("select count(*) from control.audit_log where action = 'quarantine.discarded' and detail ->> 'reason' = 'test data'"));

        // A discarded text that is delivered again stays discarded, and cannot be replayed.
        await _server.ReportAsync(_tenant, new { id = "1" }).CountsAsync();
        Assert.Equal(2, await HeldAsync());
        var discarded = await _server.ReadAsync<Guid>("select id from control.quarantine where state = 'discarded' limit 1");
        Assert.Equal(HttpStatusCode.NotFound, (await _server.Operator.PostAsync($"/v1/admin/quarantine/{discarded}/replay", null)).StatusCode);
    }

    Task<HttpResponseMessage> RequestAsync(object body) => _server.Operator.PostAsJsonAsync("/v1/admin/quarantine/batches", body);

    async Task<JsonElement> LatestAsync() => (await (await _server.Operator.GetAsync("/v1/admin/quarantine/batches")).ReadAsync()).GetProperty("items")[0];

    Task<long> HeldAsync() => _server.ReadAsync<long>("select count(*) from control.quarantine where state = 'held'");

    async Task AddModelAsync(string name)
    {
        await using var owner = await _server.Database.OpenOwnerAsync(default);
        await owner.ExecuteAsync("insert into control.model values ($1, 'openai', false, 'openai/' || $1)", default, name);
        await owner.ExecuteAsync("insert into control.model_price values ($1, '2000-01-01Z', 1, 1)", default, name);
    }

    static long Number(JsonElement json, string name) => json.GetProperty(name).GetInt64();
}
