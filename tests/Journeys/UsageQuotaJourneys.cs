using System.Net;
using System.Text.Json;

namespace ControlPlane.Tests;

/// <summary>What a tenant may report on a day is bounded above what it may authorize, and what is refused is not lost.</summary>
public sealed class UsageQuotaJourneys : IAsyncLifetime
{
    static readonly DateTimeOffset Now = new(2026, 1, 15, 12, 0, 0, TimeSpan.Zero);

    /// <summary>20 of every tenant and two for each of 10 tokens; counters are a fifth.</summary>
    const int Events = 40, Counters = 8;

    TestServer _server = null!;
    TestTenant _tenant = null!;
    TestTenant _other = null!;

    public async Task InitializeAsync()
    {
        _server = await TestServer.StartAsync(clock: Now, settings: [new("CONTROLPLANE_USAGE_EVENTS", "20")]);
        (_tenant, _other) = (await _server.CreateReadyTenantAsync(), await _server.CreateReadyTenantAsync());
        await _server.SqlAsync("insert into control.budget_override (tenant_id, tokens_per_day, reason, updated_at) select id, 10, 'test', now() from control.tenant");
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Beyond_the_quota_usage_is_refused_until_the_next_day_and_counted_then()
    {
        Assert.Equal(Events, (await SendAsync(_tenant, Many(Events)).CountsAsync()).Accepted);
        foreach (var usage in (object[][])[Many(1, "late"), Many(100, "large")])
        {
            using var refused = await SendAsync(_tenant, usage);
            Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
            Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value, TimeSpan.FromHours(11), TimeSpan.FromHours(12));
            Assert.Contains("2026-01-16 00:00 UTC", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }

        Assert.Equal(Events, await CountAsync(_tenant));
        Assert.Equal(1, (await SendAsync(_other, Many(1)).CountsAsync()).Accepted);

        await _server.MoveClockAsync(Now.AddDays(1));
        Assert.Equal((1, Events), await AcceptedAndDuplicatesAsync(_tenant, [.. Many(1, "late"), .. Many(Events)]));
    }

    [Fact]
    public async Task Calls_are_denied_before_the_quota_is_reached()
    {
        var tenant = await _server.CreateReadyTenantAsync();
        await _server.SqlAsync("insert into control.budget_override (tenant_id, tokens_per_day, reason, updated_at) values ($1, 10, 'test', now())", tenant.Id);
        object[] free = [.. Enumerable.Range(0, Events - 4).Select(n => Deliveries.Event($"e{n}", Now, prompt: 0, completion: 0))];
        Assert.Equal(free.Length, (await SendAsync(tenant, free).CountsAsync()).Accepted);

        Assert.True((await tenant.AuthorizeAsync(1, request: "first")).Allow);
        Assert.True((await tenant.AuthorizeAsync(1, request: "second")).Allow);
        Assert.Equal(("daily_limit", Now.AddHours(12)), (await tenant.AuthorizeAsync(1, request: "third")).Denial);
        // The usage of both that were allowed is counted.
        Assert.Equal(2, (await SendAsync(tenant, Many(2, "used")).CountsAsync()).Accepted);

        await _server.JumpAsync(Now.AddDays(1));
        Assert.True((await tenant.AuthorizeAsync(1, request: "third")).Allow);
    }

    [Fact]
    public async Task Users_and_models_count_as_well_whatever_the_day_of_their_events()
    {
        object[] usage = [.. Enumerable.Range(0, Counters).Select(n => Deliveries.Event($"e{n}", Now.AddDays(-n % 3), user: $"u{n}"))];
        Assert.Equal(Counters, (await SendAsync(_tenant, usage).CountsAsync()).Accepted);
        Assert.Equal(HttpStatusCode.TooManyRequests, (await SendAsync(_tenant, Many(1, "next"))).StatusCode);
    }

    [Fact]
    public async Task A_tenant_whose_environment_was_never_ready_may_report_little()
    {
        await using var server = await TestServer.StartAsync(sandbox: false, settings: [new("CONTROLPLANE_USAGE_EVENTS", "500")]);
        var (waiting, ready) = (await server.CreateTenantAsync(), await server.CreateReadyTenantAsync());
        await server.SqlAsync("update control.environment set state = 'requested', first_ready_at = null where tenant_id = $1", waiting.Id);
        object[] Usage(int count, string name) => [.. Enumerable.Range(0, count).Select(n => Deliveries.Event($"{name}{n}", server.Clock.GetUtcNow()))];
        foreach (var tenant in (TestTenant[])[waiting, ready])
        {
            Assert.Equal(10, (await server.ReportAsync(tenant, Usage(10, "e")).CountsAsync()).Accepted);
        }

        Assert.Equal(HttpStatusCode.TooManyRequests, (await server.ReportAsync(waiting, Usage(1, "next"))).StatusCode);
        Assert.Equal(1, (await server.ReportAsync(ready, Usage(1, "next")).CountsAsync()).Accepted);
    }

    [Fact]
    public async Task Until_a_tenant_is_approved_its_plan_counts_like_a_trial()
    {
        var tenant = await _server.CreateReadyTenantAsync("premium");
        await _server.SqlAsync("update control.tenant set approved_at = null where id = $1", tenant.Id);
        await _server.SqlAsync("insert into control.usage_received (tenant_id, day, events, counters) values ($1, '2026-01-15', 20 + 2 * 10000, 0)", tenant.Id);
        Assert.Equal(HttpStatusCode.TooManyRequests, (await SendAsync(tenant, Many(1))).StatusCode);
        Assert.Equal("daily_limit", (await tenant.AuthorizeAsync(1)).Denial.Item1);

        (await _server.Operator.PostAsync($"/v1/admin/tenants/{tenant.Id}/approve", content: null)).EnsureSuccessStatusCode();
        await _server.MoveClockAsync(Now.AddMinutes(2));
        Assert.Equal(1, (await SendAsync(tenant, Many(1)).CountsAsync()).Accepted);
        Assert.True((await tenant.AuthorizeAsync(1)).Allow);
    }

    [Fact]
    public async Task A_rejected_event_counts_by_its_size()
    {
        await SendAsync(_tenant, [new { id = "broken", text = new string('x', 2_560) }]).CountsAsync();
        Assert.Equal(11, await ReceivedAsync("events"));
    }

    [Fact]
    public async Task An_event_with_long_ids_counts_as_several()
    {
        var name = new string('長', 200);
        object[] usage = [Deliveries.Event($"{name[1..]}1", Now, user: name)];
        Assert.Equal(1, (await SendAsync(_tenant, usage).CountsAsync()).Accepted);
        // 598 + 600 bytes of ids, and 600 of the user of a new counter.
        Assert.Equal((5, 3), (await ReceivedAsync("events"), await ReceivedAsync("counters")));
    }

    [Fact]
    public async Task Events_for_a_counter_that_exists_use_up_none()
    {
        for (var n = 0; n < Counters + 1; n++)
        {
            Assert.Equal(1, (await SendAsync(_tenant, Many(1, $"e{n}-")).CountsAsync()).Accepted);
        }

        Assert.Equal((Counters + 1, 1), (await ReceivedAsync("events"), await ReceivedAsync("counters")));
    }

    [Fact]
    public async Task Rejected_events_count_and_duplicates_do_not()
    {
        await SendAsync(_tenant, [.. Enumerable.Range(0, Events - 1).Select(n => new { id = $"broken-{n}" })]).CountsAsync();
        Assert.Equal(1, (await SendAsync(_tenant, Many(1)).CountsAsync()).Accepted);
        Assert.Equal(Events, await ReceivedAsync("events"));
        Assert.Equal(HttpStatusCode.TooManyRequests, (await SendAsync(_tenant, Many(1, "next"))).StatusCode);

        for (var n = 0; n < 3; n++)
        {
            await SendAsync(_other, Many(Events - 1)).CountsAsync();
        }

        Assert.Equal(1, (await SendAsync(_other, Many(1, "next")).CountsAsync()).Accepted);
    }

    [Fact]
    public async Task A_suspended_tenant_has_only_what_every_tenant_has()
    {
        await _server.SqlAsync("update control.tenant set status = 'suspended' where id = $1", _tenant.Id);
        Assert.Equal(20, (await SendAsync(_tenant, Many(20)).CountsAsync()).Accepted);
        Assert.Equal(HttpStatusCode.TooManyRequests, (await SendAsync(_tenant, Many(1, "next"))).StatusCode);
    }

    [Fact]
    public async Task A_stream_ends_at_the_quota_and_says_how_far_it_came()
    {
        var lines = string.Concat(Many(1_500).Select(usage => JsonSerializer.Serialize(usage) + "\n"));
        using var refused = await _tenant.PostAsync(lines, "application/x-ndjson");
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.True(refused.Headers.RetryAfter!.Delta > TimeSpan.FromHours(11));
        // A batch is counted as a whole.
        Assert.Equal(1_000, JsonDocument.Parse(await refused.Content.ReadAsStringAsync()).RootElement.GetProperty("accepted").GetInt64());
        Assert.Equal(1_000, await CountAsync(_tenant));
    }

    [Fact]
    public async Task Queued_usage_is_counted_beyond_the_quota_because_its_sender_was_told_so()
    {
        await SendAsync(_tenant, Many(Events)).CountsAsync();
        Assert.Equal(HttpStatusCode.TooManyRequests, (await SendAsync(_tenant, Many(1, "sent"))).StatusCode);
        await _server.Services.GetRequiredService<UsageSpool>().AddAsync(
            new OverflowDelivery(_tenant.Id, UsageFormat.Event, Now, [JsonSerializer.Serialize(Many(1, "queued")[0])]), default);
        await Spool.WaitUntilEmptyAsync(_server.DataFolder);

        Assert.Equal(Events + 1, await CountAsync(_tenant));
        Assert.Empty(Spool.FailedFiles(_server.DataFolder));
    }

    [Fact]
    public async Task The_counts_of_former_days_are_deleted()
    {
        await SendAsync(_tenant, Many(1)).CountsAsync();
        await _server.JumpAsync(Now.AddDays(5), "retention");
        Assert.Equal(0, await _server.ReadAsync<long>("select count(*) from control.usage_received"));
    }

    static object[] Many(int count, string name = "e") => [.. Enumerable.Range(0, count).Select(n => Deliveries.Event($"{name}{n}", Now))];

    Task<HttpResponseMessage> SendAsync(TestTenant tenant, object[] usage) => _server.ReportAsync(tenant, usage);

    async Task<(long Accepted, long Duplicates)> AcceptedAndDuplicatesAsync(TestTenant tenant, object[] usage)
    {
        var (accepted, duplicates, _) = await SendAsync(tenant, usage).CountsAsync();
        return (accepted, duplicates);
    }

    Task<long> CountAsync(TestTenant tenant) => _server.ReadAsync<long>("select count(*) from control.usage_event where tenant_id = $1", tenant.Id);

    Task<long> ReceivedAsync(string column) => _server.ReadAsync<long>($"select {column} from control.usage_received where tenant_id = $1", _tenant.Id);
}
