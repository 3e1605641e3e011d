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

    [Fact]
    public async Task Tenants_take_turns_so_that_one_with_many_events_does_not_delay_another()
    {
        var other = await _server.CreateTenantAsync();
        await _server.ReportAsync(_tenant, [.. Enumerable.Range(0, 250).Select(n => new { id = $"e{n}" })]).CountsAsync();
        await _server.ReportAsync(other, new { id = "1" }, new { id = "2" }).CountsAsync();

        await RequestAsync(new { action = "discard", code = "malformed", reason = "test data" });
        await _server.RunJobAsync("quarantine");

        Assert.Equal(0, await HeldAsync());
        // In the order in which they were discarded: each in a transaction of its own.
        await using var transaction = await _server.Database.BeginJobAsync(default);
        var tenants = await transaction.QueryAsync("select tenant_id from control.audit_log where action = 'quarantine.discarded' order by xmin::text::bigint", row => row.GetGuid(0), default);
        Assert.Equal(252, tenants.Count);
        Assert.InRange(tenants.LastIndexOf(other.Id), 1, 101);
    }

    [Fact]
    public async Task Batches_of_the_same_reason_do_not_overlap()
    {
        var other = await _server.CreateTenantAsync();
        await _server.ReportAsync(_tenant, new { id = "1" }).CountsAsync();
        await _server.ReportAsync(other, new { id = "2" }, Deliveries.Event("3", Now, model: "new-model")).CountsAsync();
        await using var job = await _server.Database.OpenJobAsync(default);
        // Keeps the job from starting.
        await job.ExecuteAsync("select pg_advisory_lock(hashtextextended('job quarantine', 0))", default);

        Assert.Equal(HttpStatusCode.Accepted, (await RequestAsync(new { action = "replay", code = "malformed", tenant_id = _tenant.Id })).StatusCode);
        Assert.Equal(HttpStatusCode.Accepted, (await RequestAsync(new { action = "discard", code = "malformed", tenant_id = other.Id, reason = "test data" })).StatusCode);
        Assert.Equal(HttpStatusCode.Conflict, (await RequestAsync(new { action = "replay", code = "malformed" })).StatusCode);
        Assert.Equal(HttpStatusCode.Conflict, (await RequestAsync(new { action = "discard", code = "malformed", reason = "test data" })).StatusCode);

        var replies = await Task.WhenAll(Enumerable.Range(0, 8).Select(n =>
            RequestAsync(n % 2 == 0 ? new { action = "replay", code = "unknown_model", tenant_id = (Guid?)null } : new { action = "replay", code = "unknown_model", tenant_id = (Guid?)other.Id })));
        Assert.Equal(1, await _server.ReadAsync<long>("select count(*) from control.quarantine_batch where code = 'unknown_model'"));
        Assert.All(replies, reply => Assert.True(reply.StatusCode is HttpStatusCode.Accepted or HttpStatusCode.Conflict));
    }

    [Fact]
    public async Task The_events_of_a_tenant_that_is_busy_are_left_for_the_next_run_and_all_others_are_processed()
    {
        var other = await _server.CreateTenantAsync();
        await _server.ReportAsync(_tenant, [.. Enumerable.Range(0, 150).Select(n => Deliveries.Event($"e{n}", Now, model: "new-model"))]).CountsAsync();
        await _server.ReportAsync(other, Deliveries.Event("e1", Now, model: "new-model"), Deliveries.Event("e2", Now, model: "new-model"), new { id = "1" }).CountsAsync();
        await AddModelAsync("new-model");
        await using (var invoicing = await _server.Database.BeginJobAsync(default))
        {
            await invoicing.ExecuteAsync(BillingLock.Acquire, default, _tenant.Id);
            await RequestAsync(new { action = "replay", code = "unknown_model" });
            await RequestAsync(new { action = "discard", code = "malformed", reason = "test data" });
            var run = await _server.RunJobAsync("quarantine");

            Assert.Equal(("succeeded", 1), (run.GetProperty("outcome").GetString(), run.GetProperty("counts").GetProperty("tenants_busy").GetInt64()));
            Assert.Equal(2, await _server.ReadAsync<long>("select count(*) from control.usage_event"));
            // The batch behind it is finished; this one has counted no failure.
            Assert.Equal("discard", await _server.ReadAsync<string>("select action from control.quarantine_batch where finished_at is not null"));
            Assert.Equal("2 {}", await _server.ReadAsync<string>("select processed || ' ' || still_held from control.quarantine_batch where action = 'replay'"));
        }

        await _server.RunJobAsync("quarantine");
        Assert.Equal("152 {} t", await _server.ReadAsync<string>("select concat_ws(' ', processed, still_held, finished_at is not null) from control.quarantine_batch where action = 'replay'"));
        Assert.Equal(152, await _server.ReadAsync<long>("select count(*) from control.usage_event"));
    }

    [Fact]
    public async Task Events_are_replayed_in_the_order_of_their_arrival()
    {
        await _server.ReportAsync(_tenant, Deliveries.Event("same", Now, prompt: 1, model: "new-model")).CountsAsync();
        await _server.Clock.MoveAsync(_server.Database, Now.AddSeconds(1), default);
        await _server.ReportAsync(_tenant, Deliveries.Event("same", Now, prompt: 2, model: "new-model")).CountsAsync();
        // It arrived first and was spooled, so it reached quarantine after the other.
        await _server.SqlAsync("update control.quarantine set received_at = received_at - interval '1 hour' where raw like '%\"prompt_tokens\":2%'");
        await AddModelAsync("new-model");

        await RequestAsync(new { action = "replay", code = "unknown_model" });
        await _server.RunJobAsync("quarantine");

        Assert.Equal(2, await _server.ReadAsync<long>("select prompt_tokens from control.usage_event"));
        Assert.Equal("conflict", await _server.ReadAsync<string>("select code from control.quarantine where state = 'held'"));
    }

    [Fact]
    public async Task Two_hosts_whose_connections_are_killed_again_and_again_process_every_event_once()
    {
        const int events = 400;
        await _server.ReportAsync(_tenant, [.. Enumerable.Range(0, events).Select(n => Deliveries.Event($"e{n}", Now, model: n % 4 == 0 ? "other-model" : "new-model"))]).CountsAsync();
        await AddModelAsync("new-model");
        await using var second = await TestServer.StartAsync(database: _server.ConnectionString, keepDatabase: true);
        Assert.IsType<RequestBatchResult.Requested>(await _server.Services.GetRequiredService<QuarantineBatches>().RequestAsync("replay", "unknown_model", null, null, "test", default));

        for (var kill = 0; kill < 12; kill++)
        {
            var runs = ((TestServer[])[_server, second]).Select(host => host.Services.GetRequiredService<RunQuarantineBatches>().RunAsync(default)).ToList();
            await Task.Delay(30 * (kill + 1));
            await using (var owner = await _server.Database.OpenOwnerAsync(default))
            {
                await owner.ExecuteAsync("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'control_job'", default);
            }

            // Most of them fail.
            await Record.ExceptionAsync(() => Task.WhenAll(runs));
        }

        _server.Database.ClearPools();
        await _server.Services.GetRequiredService<RunQuarantineBatches>().RunAsync(default);
        // Nothing was taken for an error of the event.
        Assert.Equal("true unknown_model", await _server.ReadAsync<string>(
            "select (finished_at is not null) || ' ' || (select string_agg(reason, ' ') from jsonb_object_keys(still_held) reason) from control.quarantine_batch"));
        Assert.Equal(300, await _server.ReadAsync<long>("select count(*) from control.usage_event"));
        Assert.Equal("100 unknown_model", await _server.ReadAsync<string>("select count(*) || ' ' || min(code) from control.quarantine where state = 'held' and last_batch_id is not null"));
        Assert.Equal(300, await _server.ReadAsync<long>("select count(*) from control.audit_log where action = 'quarantine.replayed'"));
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
