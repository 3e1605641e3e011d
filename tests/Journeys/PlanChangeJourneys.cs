namespace ControlPlane.Tests;

/// <summary>Plans are changed, cancelled and taken up again. Periods begin on the first of the month.</summary>
public sealed class PlanChangeJourneys : IAsyncLifetime
{
    static readonly DateTimeOffset Start = new(2026, 4, 1, 0, 0, 0, TimeSpan.Zero);
    static readonly DateTimeOffset Middle = new(2026, 4, 16, 0, 0, 0, TimeSpan.Zero);
    static readonly DateTimeOffset End = new(2026, 5, 1, 0, 0, 0, TimeSpan.Zero);

    TestServer _server = null!;
    TestTenant _tenant = null!;

    ChangePlan ChangePlan => _server.Services.GetRequiredService<ChangePlan>();
    CancelSubscription Cancel => _server.Services.GetRequiredService<CancelSubscription>();

    public async Task InitializeAsync()
    {
        _server = await TestServer.StartAsync(clock: Start);
        _tenant = await NewTenantAsync("basic");
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact, Trait("Category", "Quick")]
    public async Task An_upgrade_is_in_force_at_once_with_its_share_of_the_allowance()
    {
        await _server.JumpAsync(Middle.AddMinutes(5));
        var shown = await ShowAsync("premium");
        Assert.True(shown.IsNow);
        Assert.Equal(500_115 + 4_998_842, shown.AllowanceTokens);
        Assert.Equal("basic", await PlanAsync());

        await _server.JumpAsync(Middle.AddMinutes(9));
        var done = await ChangeAsync("premium", shown.EffectiveAt);
        Assert.Equal((shown.EffectiveAt, shown.ThisPeriod?.TotalAmount, shown.NextPeriod?.TotalAmount), (done.EffectiveAt, done.ThisPeriod?.TotalAmount, done.NextPeriod?.TotalAmount));
        Assert.Equal("premium", await PlanAsync());
        Assert.Equal(
            ["2026-04-01 00:00:00 basic started", "2026-04-16 00:05:00 premium upgraded"],
            await _server.ListAsync(
                "select array_agg(concat_ws(' ', starts_at at time zone 'UTC', plan, reason) order by starts_at) from control.subscription_segment where tenant_id = $1", _tenant.Id));
        Assert.Equal(shown.AllowanceTokens, (await _tenant.LimitAsync("tokens_per_month")).Maximum);
        // What is recorded of it: in the audit log, by mail, and for the environment.
        Assert.Equal(1, await _server.ReadAsync<long>("select count(*) from control.audit_log where tenant_id = $1 and action = 'subscription.plan_changed'", _tenant.Id));
        Assert.Equal(1, await _server.ReadAsync<long>("select count(*) from control.outbox where tenant_id = $1 and dedupe_key like 'plan-changed:%'", _tenant.Id));

        await _server.JumpAsync(End, "billing");
        Assert.Equal(10_000_000, (await _tenant.LimitAsync("tokens_per_month")).Maximum);
    }

    [Fact]
    public async Task Amounts_that_were_shown_can_be_confirmed_for_ten_minutes_and_as_long_as_nothing_has_changed()
    {
        await _server.JumpAsync(Middle);
        var shown = await ShowAsync("premium");
        await _server.JumpAsync(Middle.AddMinutes(11));
        var outdated = Assert.IsType<ChangePlanResult.Outdated>(await ChangePlan.RunAsync(_tenant.Id, "premium", shown.EffectiveAt, "test", default));
        Assert.Equal(Middle.AddMinutes(11), outdated.Change.EffectiveAt);
        Assert.Equal("basic", await PlanAsync());

        await _server.JumpAsync(End.AddMinutes(-1));
        shown = await ShowAsync("premium");
        await _server.JumpAsync(End.AddMinutes(1));
        Assert.IsType<ChangePlanResult.Outdated>(await ChangePlan.RunAsync(_tenant.Id, "premium", shown.EffectiveAt, "test", default));
        Assert.IsType<ChangePlanResult.Outdated>(await ChangePlan.RunAsync(_tenant.Id, "premium", End.AddHours(1), "test", default));
    }

    [Fact]
    public async Task A_lower_plan_waits_for_the_end_of_the_period_and_can_be_undone_until_then()
    {
        var tenant = await NewTenantAsync("premium");
        await _server.JumpAsync(Middle);
        Assert.Equal(End, (await ChangeAsync("basic", shownAt: null, tenant)).EffectiveAt);
        Assert.Equal("premium", await PlanAsync(tenant));
        Assert.IsType<ChangePlanResult.Undone>(await ChangePlan.RunAsync(tenant.Id, "premium", null, "test", default));
        Assert.IsType<ChangePlanResult.NotAllowed>(await ChangePlan.RunAsync(tenant.Id, "premium", null, "test", default));
        await ChangeAsync("basic", shownAt: null, tenant);
        Assert.Equal(
            ["scheduled", "undone"],
            await _server.ListAsync("select array_agg(state order by state) from control.subscription_change where tenant_id = $1", tenant.Id));

        await _server.JumpAsync(End, "billing");
        Assert.Equal("basic", await PlanAsync(tenant));
        Assert.Equal("premium", await _server.ReadAsync<string>("select plan from control.invoice where tenant_id = $1", tenant.Id));
        Assert.Equal(1_000_000, (await tenant.LimitAsync("tokens_per_month")).Maximum);
    }

    [Fact]
    public async Task A_cancellation_ends_the_subscription_with_the_period_and_the_customer_may_come_back()
    {
        await _server.JumpAsync(Middle);
        Assert.Equal(new CancelResult.Scheduled(new DateOnly(2026, 5, 1)), await Cancel.RunAsync(_tenant.Id, "test", default));
        Assert.Equal(new CancelResult.Undone(), await Cancel.UndoAsync(_tenant.Id, "test", default));
        Assert.Equal(new CancelResult.Nothing(), await Cancel.UndoAsync(_tenant.Id, "test", default));
        await Cancel.RunAsync(_tenant.Id, "test", default);
        Assert.IsType<ChangePlanResult.NotAllowed>(await ChangePlan.RunAsync(_tenant.Id, "premium", null, "test", default));

        await _server.JumpAsync(End, "billing");
        Assert.Equal(
            "ended cancelled none", await _server.ReadAsync<string>("select concat_ws(' ', status, end_reason, access) from control.subscription where tenant_id = $1", _tenant.Id));
        Assert.Equal(new CancelResult.Nothing(), await Cancel.UndoAsync(_tenant.Id, "test", default));

        // Back in the period after the next: neither is charged for the time between.
        await _server.PayAsync(_tenant, "INV-000001");
        await _server.JumpAsync(End.AddDays(20), "billing");
        Assert.True((await ChangeAsync("basic", shownAt: null)).IsNow);
        Assert.Equal(
            "active full 2", await _server.ReadAsync<string>("select concat_ws(' ', status, access, open_period) from control.subscription where tenant_id = $1", _tenant.Id));
        Assert.Equal(
            ["basic started", "- paused", "basic reactivated"],
            await _server.ListAsync(
                "select array_agg(coalesce(plan, '-') || ' ' || reason order by starts_at) from control.subscription_segment where tenant_id = $1", _tenant.Id));
    }

    [Fact]
    public async Task Thirty_days_after_its_end_a_cancelled_tenant_is_deleted()
    {
        await Cancel.RunAsync(_tenant.Id, "test", default);
        await _server.JumpAsync(End, "billing");
        await _server.JumpAsync(End.AddDays(23), "billing");
        Assert.Equal(1, await _server.ReadAsync<long>("select count(*) from control.outbox where tenant_id = $1 and dedupe_key like 'closing:%'", _tenant.Id));
        await _server.JumpAsync(End.AddDays(30).AddHours(-1), "billing");
        Assert.False(await _server.ReadAsync<bool>("select is_deleted from control.tenant where id = $1", _tenant.Id));
        await _server.JumpAsync(End.AddDays(30), "billing", "provision");
        Assert.Equal("deleted", await _server.ReadAsync<string>("select status from control.tenant where id = $1", _tenant.Id));
    }

    [Fact]
    public async Task A_trial_becomes_a_plan_at_once_and_cannot_be_had_again()
    {
        var trial = await NewTenantAsync("trial");
        await _server.JumpAsync(Middle);
        Assert.IsType<ChangePlanResult.NotAllowed>(await ChangePlan.RunAsync(_tenant.Id, "trial", null, "test", default));
        var change = await ChangeAsync("basic", shownAt: null, trial);
        Assert.True(change.IsNow);
        Assert.Equal(500_000, change.AllowanceTokens);
        Assert.True(await _server.ReadAsync<bool>("select trial_ends_at is null from control.subscription where tenant_id = $1", trial.Id));

        var other = await NewTenantAsync("trial");
        Assert.Equal(new CancelResult.Ended(), await Cancel.RunAsync(other.Id, "test", default));
        Assert.Equal("ended", await _server.ReadAsync<string>("select status from control.subscription where tenant_id = $1", other.Id));
    }

    [Fact]
    public async Task Who_has_not_paid_or_has_no_address_pays_or_enters_it_first()
    {
        var silent = await _server.CreateTenantAsync("basic");
        Assert.IsType<ChangePlanResult.AddressMissing>(await ChangePlan.RunAsync(silent.Id, "premium", null, "test", default));
        Assert.IsType<ChangePlanResult.Accepted>(await ChangePlan.PreviewAsync(silent.Id, "premium", default));
        Assert.IsType<ChangePlanResult.NotAllowed>(await ChangePlan.RunAsync(_tenant.Id, "enterprise", null, "test", default));

        foreach (var at in new[] { End, End.AddDays(15), End.AddDays(18) })
        {
            await _server.JumpAsync(at, "billing");
        }

        var refused = Assert.IsType<ChangePlanResult.NotAllowed>(await ChangePlan.RunAsync(_tenant.Id, "premium", null, "test", default));
        Assert.StartsWith("Pay invoice INV-", refused.Why, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_operator_agrees_prices_and_a_minimum()
    {
        var agreed = new AgreedPlan(new AgreedTerms(1_000, 0.005m, 300_000_000), MinimumEur: 1_500);
        Assert.IsType<ChangePlanResult.Accepted>(await ChangePlan.RunAsync(_tenant.Id, "enterprise", null, "operator:test", default, agreed));
        Assert.Equal(
            "enterprise 1000.00 0.005000 300000000 1500.00",
            await _server.ReadAsync<string>(
                """
                select concat_ws(' ', plan, agreed_eur_per_month, agreed_overage_eur_per_1000, agreed_tokens_per_month, minimum_eur)
                from control.subscription_segment where tenant_id = $1 order by starts_at desc limit 1
                """,
                _tenant.Id));

        // The tokens hold beyond the period in which they were agreed.
        await _server.JumpAsync(End.AddHours(1), "billing");
        Assert.Equal(300_000_000, (await _tenant.LimitAsync("tokens_per_month")).Maximum);
    }

    [Fact]
    public async Task Agreed_terms_of_a_lower_plan_come_with_it_at_the_end_of_the_period()
    {
        var tenant = await NewTenantAsync("enterprise");
        var agreed = new AgreedPlan(new AgreedTerms(30, 0.004m, 2_000_000), MinimumEur: 50);
        var shown = Assert.IsType<ChangePlanResult.Accepted>(await ChangePlan.RunAsync(tenant.Id, "premium", null, "operator:test", default, agreed)).Change;
        await _server.JumpAsync(End, "billing");
        await _server.JumpAsync(End.AddMonths(1), "billing");

        Assert.Equal(shown.NextPeriod?.TotalAmount, await _server.ReadAsync<decimal>("select total_amount from control.invoice where tenant_id = $1 and period = 2", tenant.Id));
        Assert.Equal(50m, shown.NextPeriod?.NetAmount);
        Assert.Equal(2_000_000, (await tenant.LimitAsync("tokens_per_month")).Maximum);
    }

    [Fact]
    public async Task What_was_shown_before_a_trial_was_cancelled_cannot_be_confirmed_after_it()
    {
        var trial = await NewTenantAsync("trial");
        await _server.JumpAsync(Middle);
        var shown = Assert.IsType<ChangePlanResult.Accepted>(await ChangePlan.PreviewAsync(trial.Id, "premium", default)).Change;
        await _server.JumpAsync(Middle.AddMinutes(1));
        await Cancel.RunAsync(trial.Id, "test", default);

        Assert.IsType<ChangePlanResult.Outdated>(await ChangePlan.RunAsync(trial.Id, "premium", shown.EffectiveAt, "test", default));
        await ChangeAsync("premium", shownAt: null, trial);
        await _server.JumpAsync(End, "billing");
        await _server.JumpAsync(End.AddMonths(1), "billing");
        Assert.Equal(49.90m, await _server.ReadAsync<decimal>("select base_charge from control.invoice where tenant_id = $1 and period = 2", trial.Id));
    }

    [Fact]
    public async Task Who_changes_the_mind_again_and_again_is_written_to_once_a_day()
    {
        for (var time = 0; time < 5; time++)
        {
            await Cancel.RunAsync(_tenant.Id, "test", default);
            await Cancel.UndoAsync(_tenant.Id, "test", default);
        }

        Assert.Equal(2, await _server.ReadAsync<long>("select count(*) from control.outbox where tenant_id = $1 and dedupe_key like 'cancel%'", _tenant.Id));
    }

    async Task<TestTenant> NewTenantAsync(string plan)
    {
        var tenant = await _server.CreateTenantAsync(plan);
        await _server.PayByTransferAsync(tenant);
        await _server.SetAddressAsync(tenant);
        return tenant;
    }

    async Task<PlanChange> ShowAsync(string plan) => Assert.IsType<ChangePlanResult.Accepted>(await ChangePlan.PreviewAsync(_tenant.Id, plan, default)).Change;

    async Task<PlanChange> ChangeAsync(string plan, DateTimeOffset? shownAt, TestTenant? tenant = null) =>
        Assert.IsType<ChangePlanResult.Accepted>(await ChangePlan.RunAsync((tenant ?? _tenant).Id, plan, shownAt, "test", default)).Change;

    Task<string?> PlanAsync(TestTenant? tenant = null) =>
        _server.ReadAsync<string>("select plan from control.subscription where tenant_id = $1", (tenant ?? _tenant).Id);
}
