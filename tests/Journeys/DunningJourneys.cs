namespace ControlPlane.Tests;

/// <summary>What becomes of an invoice that is not paid, and how a payment undoes it. The period ends on 1 February; transfers have 14 days.</summary>
public sealed class DunningJourneys : IAsyncLifetime
{
    const string Gateway = "gemini-pro", Local = "mistral:7b-instruct";

    static readonly DateTimeOffset Start = new(2026, 1, 1, 9, 0, 0, TimeSpan.Zero);
    static readonly DateTimeOffset End = new(2026, 2, 1, 0, 0, 0, TimeSpan.Zero);
    static readonly DateTimeOffset Due = End.AddDays(15).AddSeconds(-1);

    static readonly string[] Told = ["preview", "overdue", "reminder", "suspended", "reactivated"];

    TestServer _server = null!;
    TestTenant _tenant = null!;

    public async Task InitializeAsync()
    {
        _server = await TestServer.StartAsync(clock: Start);
        _tenant = await _server.CreateReadyTenantAsync("basic");
        await _server.PayByTransferAsync(_tenant);
        await _server.JumpAsync(End.AddHours(-48), "billing");
        await _server.JumpAsync(End, "billing");
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact, Trait("Category", "Quick")]
    public async Task An_unpaid_invoice_takes_models_then_all_and_a_payment_gives_everything_back_at_once()
    {
        await _server.JumpAsync(Due.AddHours(1), "billing");
        Assert.Equal(("past_due", "full", "open"), await StateAsync());
        Assert.True((await _tenant.AuthorizeAsync(1, model: Gateway)).Allow);

        await _server.JumpAsync(Due.AddHours(72), "billing");
        Assert.Equal(("dunning", "local_models", "open"), await StateAsync());
        Assert.Equal("model_restricted", (await _tenant.AuthorizeAsync(1, model: Gateway)).Reason);
        Assert.True((await _tenant.AuthorizeAsync(1, model: Local)).Allow);

        await _server.JumpAsync(Due.AddHours(144), "billing");
        Assert.Equal(("suspended", "none", "open"), await StateAsync());
        Assert.Equal("suspended", (await _tenant.AuthorizeAsync(1, model: Local)).Reason);
        await _server.RunJobAsync("provision");
        Assert.Equal("suspended", await EnvironmentAsync());
        Assert.Equal("INV-000001", await _server.ReadAsync<string>("select subject from control.billing_review where kind = 'suspended' and resolved_at is null"));

        await _server.JumpAsync(Due.AddHours(150));
        await _server.PayAsync(_tenant, "INV-000001");
        Assert.Equal(("paid", "full", "paid"), await StateAsync());
        await _server.RunJobAsync("provision");
        Assert.Equal("ready", await EnvironmentAsync());
        Assert.True((await _tenant.AuthorizeAsync(1, model: Gateway)).Allow);
        Assert.Equal(0, await _server.ReadAsync<long>("select count(*) from control.billing_review where kind = 'suspended' and resolved_at is null"));
        Assert.Equal(
            ["period.previewed", "period.closed", "period.past_due", "period.dunning", "period.suspended", "period.paid"],
            await _server.ListAsync("select array_agg(action order by id) from control.audit_log where tenant_id = $1 and action like 'period.%'", _tenant.Id));
    }

    [Fact]
    public async Task Each_stage_is_told_once_with_what_comes_next()
    {
        foreach (var at in new[] { Due, Due.AddHours(72), Due.AddHours(144) })
        {
            await _server.JumpAsync(at, "billing", "billing");
        }

        await _server.JumpAsync(Due.AddHours(150));
        await _server.PayAsync(_tenant, "INV-000001");
        var keys = await _server.ListAsync(
            "select array_agg(split_part(dedupe_key, ':', 1) order by id) from control.outbox where tenant_id = $1 and split_part(dedupe_key, ':', 1) = any($2)",
            _tenant.Id, Told);
        Assert.Equal(Told, keys);
    }

    [Fact]
    public async Task Who_never_pays_is_closed_after_36_days_and_not_charged_for_what_was_denied()
    {
        var secondIsDue = Due.AddDays(28);
        foreach (var at in new[]
        {
            Due, Due.AddHours(72), Due.AddHours(144), new(2026, 3, 1, 0, 0, 0, TimeSpan.Zero), secondIsDue, Due.AddDays(29), secondIsDue.AddHours(72), Due.AddDays(36),
        })
        {
            await _server.JumpAsync(at, "billing", "billing");
        }

        // Of the second invoice nothing is told that the first one has done already.
        Assert.Equal(
            ["overdue", "reminder", "suspended", "overdue", "closing", "closed"],
            await _server.ListAsync(
                "select array_agg(split_part(dedupe_key, ':', 1) order by id) from control.outbox where tenant_id = $1 and dedupe_key ~ '^(overdue|reminder|suspended|closing|closed)'", _tenant.Id));
        var overdue = (await _server.MailsAsync()).Where(mail => mail.Subject.Contains("überfällig", StringComparison.Ordinal)).Select(mail => mail.Body.Contains("wie gewohnt", StringComparison.Ordinal));
        Assert.Equal([true, false], overdue);

        // January, and February, which had begun before the suspension; March began without access.
        Assert.Equal(2, await _server.ReadAsync<long>("select count(*) from control.invoice"));
        Assert.Equal("unpaid", await _server.ReadAsync<string>("select end_reason from control.subscription"));
        Assert.Equal(["closed", "closed"], await _server.ListAsync("select array_agg(stage order by number) from control.billing_period where number <= 2"));
        await _server.RunJobAsync("provision");
        Assert.Equal("deleted", await _server.ReadAsync<string>("select status from control.tenant where id = $1", _tenant.Id));

        await _server.JumpAsync(new DateTimeOffset(2026, 4, 1, 0, 0, 0, TimeSpan.Zero), "billing");
        Assert.Equal(2, await _server.ReadAsync<long>("select count(*) from control.invoice"));
        Assert.Equal("ended", await _server.ReadAsync<string>("select status from control.subscription"));
        // The invoices can still be paid.
        await _server.PayAsync(_tenant, "INV-000001");
        Assert.Equal("paid", await _server.ReadAsync<string>("select status from control.invoice where number = 'INV-000001'"));
        Assert.Equal("none", await _server.ReadAsync<string>("select access from control.subscription"));
    }

    [Fact]
    public async Task A_period_that_begins_suspended_is_charged_from_the_payment_on()
    {
        foreach (var at in new[] { Due, Due.AddHours(72), Due.AddHours(144), new(2026, 3, 1, 0, 0, 0, TimeSpan.Zero) })
        {
            await _server.JumpAsync(at, "billing");
        }

        await _server.JumpAsync(new DateTimeOffset(2026, 3, 8, 12, 0, 0, TimeSpan.Zero));
        await _server.PayAsync(_tenant, "INV-000001");

        Assert.Equal("full", await _server.ReadAsync<string>("select access from control.subscription"));
        Assert.Equal(
            ["2026-01-01 00:00:00 basic started", "2026-03-01 00:00:00 - paused", "2026-03-08 12:00:00 basic resumed"],
            await _server.ListAsync(
                "select array_agg(concat_ws(' ', starts_at at time zone 'UTC', coalesce(plan, '-'), reason) order by starts_at) from control.subscription_segment"));
        Assert.Equal(new DateOnly(2026, 3, 1), await _server.ReadAsync<DateOnly>("select allowance_of from control.subscription"));
    }

    [Fact]
    public async Task A_payment_that_is_taken_back_begins_a_new_grace()
    {
        await _server.PayAsync(_tenant, "INV-000001");
        Assert.Equal(("paid", "full", "paid"), await StateAsync());
        await _server.JumpAsync(End.AddDays(10));
        await _server.ReverseAsync(_tenant, "INV-000001");
        Assert.Equal(("past_due", "full", "open"), await StateAsync());

        await _server.JumpAsync(End.AddDays(10).AddHours(71), "billing");
        Assert.Equal(("past_due", "full", "open"), await StateAsync());
        await _server.JumpAsync(End.AddDays(10).AddHours(72), "billing");
        Assert.Equal(("dunning", "local_models", "open"), await StateAsync());
    }

    [Fact]
    public async Task After_ten_days_of_downtime_nobody_loses_access_without_the_time_to_pay()
    {
        await _server.JumpAsync(Due.AddDays(10), "billing");
        Assert.Equal(("past_due", "full", "open"), await StateAsync());
        await _server.JumpAsync(Due.AddDays(13).AddHours(-1), "billing");
        Assert.Equal(("past_due", "full", "open"), await StateAsync());
        await _server.JumpAsync(Due.AddDays(13), "billing");
        Assert.Equal(("dunning", "local_models", "open"), await StateAsync());
        // And again, from dunning.
        await _server.JumpAsync(Due.AddDays(30), "billing");
        Assert.Equal("suspended", (await StateAsync()).Stage);
    }

    [Fact]
    public async Task Periods_that_ended_meanwhile_are_invoiced_one_by_one_as_of_their_own_dates()
    {
        await _server.JumpAsync(new DateTimeOffset(2026, 4, 10, 7, 0, 0, TimeSpan.Zero), "billing");

        Assert.Equal(
            ["INV-000001 2026-01-01", "INV-000002 2026-02-01", "INV-000003 2026-03-01"],
            await _server.ListAsync("select array_agg(number || ' ' || period_start order by number) from control.invoice"));
        Assert.Equal(
            ["2026-03-01", "2026-04-01"],
            await _server.ListAsync("select array_agg((stage_since at time zone 'UTC')::date::text order by number) from control.billing_period where number > 1"));
        Assert.Equal("full", await _server.ReadAsync<string>("select access from control.subscription"));
    }

    async Task<(string Stage, string Access, string Invoice)> StateAsync() => (
        (await _server.ReadAsync<string>("select stage from control.billing_period where tenant_id = $1 and number = 1", _tenant.Id))!,
        (await _server.ReadAsync<string>("select access from control.subscription where tenant_id = $1", _tenant.Id))!,
        (await _server.ReadAsync<string>("select status from control.invoice where tenant_id = $1 and period = 1", _tenant.Id))!);

    Task<string?> EnvironmentAsync() => _server.ReadAsync<string>("select state from control.environment where tenant_id = $1", _tenant.Id);
}
