using System.Net.Http.Json;

namespace ControlPlane.Tests;

/// <summary>What usage beyond the plan may cost, and what is announced of it. Periods begin on the first of the month; basic includes a million tokens, a thousand more cost 0.01 EUR.</summary>
public sealed class SpendLimitJourneys : IAsyncLifetime
{
    static readonly DateTimeOffset Start = new(2026, 4, 1, 0, 0, 0, TimeSpan.Zero);
    static readonly DateTimeOffset Middle = new(2026, 4, 16, 0, 0, 0, TimeSpan.Zero);

    TestServer _server = null!;
    TestTenant _tenant = null!;

    public async Task InitializeAsync()
    {
        _server = await TestServer.StartAsync(clock: Start);
        _tenant = await _server.CreateReadyTenantAsync("basic");
        await _server.PayByTransferAsync(_tenant);
        await _server.SetAddressAsync(_tenant);
        // The plan's daily limit is out of the way.
        await _server.SqlAsync("insert into control.budget_override (tenant_id, tokens_per_day, reason, updated_at) values ($1, 100000000, 'test', now())", _tenant.Id);
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task A_spend_limit_denies_what_it_does_not_pay_for_and_is_announced_before()
    {
        await LimitAsync(5);
        await UseAsync(1_400_000);
        Assert.Equal(["spend 80", "tokens 100"], await AlertsAsync());
        Assert.Contains(
            await _server.MailsAsync(),
            mail => mail.Subject == "80 % Ihrer Ausgabengrenze sind erreicht" && mail.Body.Contains("4,00\u00a0€ der Ausgabengrenze von 5,00\u00a0€", StringComparison.Ordinal));
        Assert.Equal(0, (await _tenant.AuthorizeAsync(100_000)).Remaining);
        Assert.Equal("monthly_limit", (await _tenant.AuthorizeAsync(1)).Reason);

        // Raised: calls are answered again, and its steps are announced again.
        await LimitAsync(10);
        Assert.True((await _tenant.AuthorizeAsync(1)).Allow);
        await UseAsync(400_000);
        Assert.Equal(
            ["80 of 500", "80 of 1000"],
            await _server.ListAsync(
                "select array_agg(percent || ' of ' || maximum order by maximum) from control.budget_alert where tenant_id = $1 and meter = 'spend'", _tenant.Id));
    }

    [Fact]
    public async Task A_limit_that_is_set_after_a_change_of_plan_counts_what_was_spent_before()
    {
        await UseAsync(600_000);
        await UpgradeAsync();
        // 100,000 tokens beyond basic's share of the half month: 1.00 is spent. The other 4.00 pay for 500,000 at 0.008.
        await LimitAsync(5);
        Assert.Equal(5_000_000 + 500_000 - 1, (await _tenant.AuthorizeAsync(1)).Remaining);
        await LimitAsync(1);
        Assert.Equal(5_000_000 - 2, (await _tenant.AuthorizeAsync(1)).Remaining);
        await LimitAsync(null);
        // What is left of the day.
        Assert.Equal(100_000_000 - 3, (await _tenant.AuthorizeAsync(1)).Remaining);
    }

    [Fact]
    public async Task After_an_upgrade_the_steps_count_against_the_new_allowance()
    {
        await UseAsync(850_000);
        await UpgradeAsync();
        Assert.Equal(["tokens 80"], await AlertsAsync());
        await UseAsync(4_000_000);
        Assert.Equal(
            ["80 of 1000000", "80 of 5850000"],
            await _server.ListAsync(
                "select array_agg(percent || ' of ' || maximum order by maximum) from control.budget_alert where tenant_id = $1 and span = 'period' and percent = 80", _tenant.Id));
        Assert.Equal(2, (await _server.MailsAsync()).Count(mail => mail.Subject == "You have used 80 % of your token limit for this billing period"));
    }

    async Task LimitAsync(decimal? eur) => (await _tenant.Http.PutAsJsonAsync("/v1/subscription/spend-limit", new { eur })).EnsureSuccessStatusCode();

    async Task UseAsync(long tokens) => Assert.Equal(
        1, (await _server.ReportAsync(_tenant, Deliveries.Event(Names.Random("e"), _server.Clock.GetUtcNow(), tokens, 0)).CountsAsync()).Accepted);

    async Task UpgradeAsync()
    {
        await _server.JumpAsync(Middle);
        Assert.IsType<ChangePlanResult.Accepted>(await _server.Services.GetRequiredService<ChangePlan>().RunAsync(_tenant.Id, "premium", null, "test", default));
    }

    Task<string[]> AlertsAsync() => _server.ListAsync(
        "select array_agg(m order by m) from (select meter || ' ' || max(percent) as m from control.budget_alert where tenant_id = $1 and span = 'period' group by meter) a", _tenant.Id);
}
