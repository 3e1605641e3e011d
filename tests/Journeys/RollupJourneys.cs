namespace ControlPlane.Tests;

/// <summary>Counters and daily usage have the sums of the events.</summary>
public sealed class RollupJourneys : IAsyncLifetime
{
    static readonly DateTimeOffset Start = new(2026, 1, 31, 9, 30, 0, TimeSpan.Zero);

    TestServer _server = null!;
    TestTenant _tenant = null!;

    public async Task InitializeAsync()
    {
        _server = await TestServer.StartAsync(clock: Start);
        _tenant = await _server.CreateTenantAsync("basic");
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Costs_of_any_sum_can_be_counted_and_rolled_up()
    {
        await AcceptAsync(Deliveries.Event("first", Start, model: "gemini-pro"));
        await _server.SqlAsync("update control.usage_counter set cost = 99999999999.999999999 where tenant_id = $1", _tenant.Id);
        await AcceptAsync(Deliveries.Event("second", Start, model: "gemini-pro"));
        await _server.SqlAsync(
            """
            insert into control.daily_usage (tenant_id, day, model, user_id, requests, prompt_tokens, completion_tokens, cost)
            select tenant_id, day, model, user_id, requests, prompt_tokens, completion_tokens, cost from control.usage_counter where tenant_id = $1
            """,
            _tenant.Id);

        Assert.True(await _server.ReadAsync<decimal>("select cost from control.usage_counter where tenant_id = $1", _tenant.Id) > 100_000_000_000m);
        Assert.True(await _server.ReadAsync<decimal>("select total_cost from control.daily_usage_summary where user_id = 'u1'") > 100_000_000_000m);
    }

    [Fact, Trait("Category", "Quick")]
    public async Task The_nightly_rollup_equals_the_events_and_a_second_run_does_nothing()
    {
        await AcceptAsync(Deliveries.Event("e1", Start), Deliveries.Event("e2", Start.AddDays(-3), model: "gemini-pro"));

        Assert.Equal(2, (await _server.RunJobAsync("nightly")).GetProperty("counts").GetProperty("tenant_days").GetInt64());
        Assert.Equal(0, (await _server.RunJobAsync("nightly")).GetProperty("counts").GetProperty("tenant_days").GetInt64());
        await using var transaction = await _server.Database.BeginJobAsync(default);
        Assert.Equal(300, await transaction.ScalarAsync<long>("select sum(total_tokens)::bigint from control.daily_usage_summary", default));
        Assert.Equal(300, await transaction.ScalarAsync<long>("select sum(total_tokens)::bigint from control.token_usage", default));
    }

    [Fact]
    public async Task A_drifted_counter_is_reported_every_night_until_it_is_fixed()
    {
        await AcceptAsync(Deliveries.Event("e1", Start));
        await using (var job = await _server.Database.OpenJobAsync(default))
        {
            await job.ExecuteAsync("update control.usage_counter set prompt_tokens = prompt_tokens + 1", default);
        }

        for (var night = 0; night < 2; night++)
        {
            var alerts = (await _server.RunJobAsync("nightly")).GetProperty("alerts");
            Assert.Contains("the counter says 151 tokens, the events say 150", Assert.Single(alerts.EnumerateArray()).GetString(), StringComparison.Ordinal);
        }

        await using (var owner = await _server.Database.OpenJobAsync(default))
        {
            await owner.ExecuteAsync("update control.usage_counter set prompt_tokens = prompt_tokens - 1", default);
        }

        Assert.False((await _server.RunJobAsync("nightly")).TryGetProperty("alerts", out var none) && none.GetArrayLength() > 0);
    }

    async Task AcceptAsync(params object[] events) => Assert.Equal(events.Length, (await _server.ReportAsync(_tenant, events).CountsAsync()).Accepted);
}
