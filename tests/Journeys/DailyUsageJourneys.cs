namespace ControlPlane.Tests;

/// <summary>The nightly rollup of usage: a tenant with many counters is rolled up apart from the others.</summary>
public sealed class DailyUsageJourneys : IAsyncLifetime
{
    static readonly DateTimeOffset Now = new(2026, 1, 15, 12, 0, 0, TimeSpan.Zero);

    TestServer _server = null!;
    TestTenant _large = null!;
    TestTenant _small = null!;

    public async Task InitializeAsync()
    {
        _server = await TestServer.StartAsync(clock: Now);
        (_large, _small) = (await _server.CreateTenantAsync(), await _server.CreateTenantAsync());
        await _server.ReportAsync(_large, Deliveries.Event("e1", Now)).CountsAsync();
        await _server.ReportAsync(_small, Deliveries.Event("e1", Now)).CountsAsync();
        // As many users as a test cannot report quickly.
        await _server.SqlAsync(
            """
            insert into control.usage_event (tenant_id, id, occurred_at, recorded_at, user_id, model, prompt_tokens, completion_tokens, cost, period)
            select $1, 'n' || n, $2, $2, 'n' || n, 'mistral:7b', 1, 0, 0, 1 from generate_series(1, 50000) n
            """, _large.Id, Now);
        await _server.SqlAsync(
            """
            insert into control.usage_counter (tenant_id, day, model, user_id, requests, prompt_tokens, completion_tokens, cost)
            select $1, '2026-01-15', 'mistral:7b', 'n' || n, 1, 1, 0, 0 from generate_series(1, 50000) n
            """, _large.Id);
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task A_large_tenant_and_the_others_are_rolled_up_completely()
    {
        var report = await _server.RunJobAsync("nightly");
        Assert.Equal("succeeded", report.GetProperty("outcome").GetString());
        Assert.Equal((1, 2), (report.GetProperty("counts").GetProperty("days").GetInt64(), report.GetProperty("counts").GetProperty("tenant_days").GetInt64()));
        Assert.False(report.TryGetProperty("alerts", out var alerts) && alerts.GetArrayLength() > 0);
        Assert.Equal((50_001, 1), (await RolledUpAsync(_large), await RolledUpAsync(_small)));
        Assert.Equal(0, (await _server.RunJobAsync("nightly")).GetProperty("counts").GetProperty("tenant_days").GetInt64());
    }

    [Fact]
    public async Task A_large_tenant_that_cannot_be_rolled_up_fails_alone_and_is_tried_again()
    {
        await using var owner = await _server.Database.OpenOwnerAsync(default);
        await owner.ExecuteAsync("create function control.fail_for_test() returns trigger language plpgsql as $$ begin raise exception 'for the test'; end $$", default);
        await owner.ExecuteAsync(
            $"create trigger fail_for_test before insert on control.daily_usage for each row when (new.tenant_id = '{_large.Id}') execute function control.fail_for_test()", default);

        var report = await _server.RunJobAsync("nightly");
        Assert.Equal("failed", report.GetProperty("outcome").GetString());
        Assert.Contains($"Could not rebuild daily usage of 2026-01-15 of tenant {_large.Id}", report.GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.Equal((0, 1), (await RolledUpAsync(_large), await RolledUpAsync(_small)));

        await owner.ExecuteAsync("drop trigger fail_for_test on control.daily_usage", default);
        Assert.Equal(1, (await _server.RunJobAsync("nightly")).GetProperty("counts").GetProperty("tenant_days").GetInt64());
        Assert.Equal(50_001, await RolledUpAsync(_large));
    }

    Task<long> RolledUpAsync(TestTenant tenant) => _server.ReadAsync<long>("select count(*) from control.daily_usage where tenant_id = $1", tenant.Id);
}
