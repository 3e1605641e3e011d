using System.Text.Json;

namespace ControlPlane.Tests;

/// <summary>What is on an invoice and what it leaves to collect and to use later, beyond base charge and overage (BillingJourneys).</summary>
public sealed class InvoiceAmountJourneys : IAsyncLifetime
{
    static readonly DateTimeOffset Start = new(2026, 3, 1, 0, 0, 0, TimeSpan.Zero);
    static readonly DateTimeOffset April = Start.AddMonths(1);
    static readonly DateTimeOffset May = Start.AddMonths(2);

    TestServer _server = null!;

    public async Task InitializeAsync() => _server = await TestServer.StartAsync(clock: Start, settings: [new("CONTROLPLANE_TAX", "regular"), new("CONTROLPLANE_SELLER_IBAN", "DE89 3704 0044 0532 0130 00")]);

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact, Trait("Category", "Quick")]
    public async Task A_period_with_two_plans_has_the_lines_of_both_and_late_usage_is_billed_where_it_belongs()
    {
        var tenant = await _server.CreateTenantAsync("basic");
        await SegmentAsync(tenant, Start, "basic");
        await SegmentAsync(tenant, Start.AddDays(30).AddHours(23), "premium");
        await ReportAsync(tenant, Deliveries.Event("e1", Start, 1_100_000, 0));
        await _server.MoveClockAsync(April.AddMinutes(-30));
        await ReportAsync(tenant, Deliveries.Event("e2", April.AddMinutes(-40), 20_000, 0));
        await _server.MoveClockAsync(April);
        await ReportAsync(tenant, Deliveries.Event("late", Start.AddDays(30), 1_000, 0));
        await _server.MoveClockAsync(May);

        var invoices = await InvoicesAsync(tenant);
        var march = invoices[1].GetProperty("lines").EnumerateArray().Select(line => (line.GetProperty("kind").GetString(), line.GetProperty("tokens").GetInt64(), Amount(line, "amount")));
        Assert.Equal([("base", 0, 9.89m), ("included", 998_655L, 0), ("overage", 101_345, 1.01m), ("base", 0, 0.07m), ("included", 13_440, 0), ("overage", 6_560, 0.05m)], march);
        Assert.Equal(11.02m + 2.09m, Amount(invoices[1], "total_amount"));
        var late = invoices[0].GetProperty("lines").EnumerateArray().Single(line => line.GetProperty("kind").GetString() == "late");
        Assert.Equal((1_000L, 0.01m), (late.GetProperty("tokens").GetInt64(), Amount(late, "amount")));
        Assert.Equal(1_121_000, invoices.Sum(invoice => invoice.GetProperty("token_usage").GetInt64()));
        Assert.Equal(
            [("basic", "2000-01-01"), ("premium", "2000-01-01")],
            await QueryAsync(
                "select plan, terms_from::date::text from control.invoice_line where kind = 'base' and of_period = 1 order by ordinal", row => (row.GetString(0), row.GetString(1))));
    }

    [Fact]
    public async Task A_subscription_that_was_paused_is_charged_from_when_it_resumed_and_a_pause_has_no_invoice()
    {
        var (paying, paused) = (await _server.CreateTenantAsync("basic"), await _server.CreateTenantAsync("basic"));
        foreach (var tenant in new[] { paying, paused })
        {
            await SegmentAsync(tenant, Start, "basic");
            await SegmentAsync(tenant, April, null);
        }

        await SegmentAsync(paying, April.AddDays(2), "basic");
        await _server.MoveClockAsync(May);

        Assert.Equal([9.24m, 9.90m], (await InvoicesAsync(paying)).Select(invoice => Amount(invoice, "base_charge")));
        Assert.Single(await InvoicesAsync(paused));
    }

    [Fact]
    public async Task A_price_counts_for_the_periods_that_start_after_it_takes_effect()
    {
        var tenant = await _server.CreateTenantAsync("basic");
        await using var owner = await _server.Database.OpenOwnerAsync(default);
        await owner.ExecuteAsync(
            """
            insert into control.plan_terms (plan, effective_from, price_eur_per_month, tokens_per_month, month_is_hard, overage_eur_per_1000)
            values ('basic', $1, 12.50, 1000000, false, 0.02)
            """,
            default, Start.AddDays(14));
        await ReportAsync(tenant, Deliveries.Event("e1", Start, 1_000_000, 0));
        await _server.MoveClockAsync(April);
        await ReportAsync(tenant, Deliveries.Event("late", Start.AddDays(20), 100_000, 0));
        await _server.MoveClockAsync(May);

        var invoices = await InvoicesAsync(tenant);
        Assert.Equal([12.50m, 9.90m], invoices.Select(invoice => Amount(invoice, "base_charge")));
        Assert.Equal(1.00m, Amount(invoices[0], "overage_charge"));
    }

    [Fact]
    public async Task Reverse_charge_needs_the_registers_answer_and_Monaco_is_taxed_as_France()
    {
        var (confirmed, unconfirmed, monaco, swiss) = (
            await _server.CreateTenantAsync("basic", "FR"), await _server.CreateTenantAsync("basic", "FR"), await _server.CreateTenantAsync("basic", "MC"), await _server.CreateTenantAsync("basic", "CH"));
        foreach (var tenant in new[] { confirmed, unconfirmed })
        {
            await _server.SqlAsync("update control.tenant set vat_id = 'FR32123456789' where id = $1", tenant.Id);
        }

        // Still without an answer when its invoice is written.
        await _server.SqlAsync(
            "insert into control.vat_confirmation (id, tenant_id, vat_id, state, requested_at, next_attempt_at) values (gen_random_uuid(), $1, 'FR32123456789', 'requested', $2, $3)",
            unconfirmed.Id, Start, May);
        await using (var transaction = await _server.Database.BeginAsync(confirmed.Id, default))
        {
            Assert.True(await transaction.RequestVatConfirmationAsync(_server.Clock, confirmed.Id, default));
            Assert.False(await transaction.RequestVatConfirmationAsync(_server.Clock, confirmed.Id, default));
            await transaction.CommitAsync(default);
        }

        Assert.Equal(1, await _server.Services.GetRequiredService<ConfirmVatIds>().RunAsync(() => true, default));
        await _server.MoveClockAsync(April);

        var taxes = (await QueryAsync(
            "select i.tenant_id, t.category, t.rate, t.taxable, t.tax, i.total_amount from control.invoice i join control.invoice_tax t on t.invoice_id = i.id",
            row => (Tenant: row.GetGuid(0), Tax: (row.GetString(1), row.GetDecimal(2), row.GetDecimal(3), row.GetDecimal(4), row.GetDecimal(5))))).ToDictionary(row => row.Tenant, row => row.Tax);
        Assert.Equal(("AE", 0m, 9.90m, 0m, 9.90m), taxes[confirmed.Id]);
        Assert.Equal(("S", 0.19m, 9.90m, 1.88m, 11.78m), taxes[unconfirmed.Id]);
        Assert.Equal(("S", 0.19m, 9.90m, 1.88m, 11.78m), taxes[monaco.Id]);
        Assert.Equal(("O", 0m, 9.90m, 0m, 9.90m), taxes[swiss.Id]);
    }

    [Fact]
    public async Task An_id_that_the_register_does_not_know_is_reported_once_and_an_unreachable_register_is_asked_later()
    {
        var tenant = await _server.CreateTenantAsync("basic", "FR");
        await _server.SqlAsync("update control.tenant set vat_id = 'FR00000000000' where id = $1", tenant.Id);
        await _server.SqlAsync(
            "insert into control.vat_confirmation (id, tenant_id, vat_id, state, requested_at, next_attempt_at) values (gen_random_uuid(), $1, 'FR00000000000', 'requested', $2, $2)", tenant.Id, Start);
        await _server.SqlAsync("update control.tenant set vat_id = 'FR00000000000' where id = $1", tenant.Id);
        var silent = new ConfirmVatIds(_server.Database, _server.Clock, new NoVatRegister(), _server.Services.GetRequiredService<BillingMailOutbox>(), Microsoft.Extensions.Logging.Abstractions.NullLogger<ConfirmVatIds>.Instance);
        var asking = _server.Services.GetRequiredService<ConfirmVatIds>();

        Assert.Equal(0, await silent.RunAsync(() => true, default));
        Assert.Equal(0, await asking.RunAsync(() => true, default));
        Assert.Equal(["requested"], await QueryAsync("select state from control.vat_confirmation", row => row.GetString(0)));
        // The job payments asks.
        await _server.MoveClockAsync(Start.AddMinutes(16));

        Assert.Equal(["invalid"], await QueryAsync("select state from control.vat_confirmation", row => row.GetString(0)));
        Assert.Equal(["vat_id_invalid"], await QueryAsync("select kind from control.billing_review", row => row.GetString(0)));
        Assert.Equal(1, await _server.ReadAsync<long>("select count(*) from control.outbox where dedupe_key like 'vat-id-invalid:%'"));
    }

    [Fact]
    public async Task Coupons_credit_and_balance_are_used_in_order_and_what_is_left_stays()
    {
        var tenant = await _server.CreateTenantAsync("basic");
        await _server.SqlAsync("insert into control.coupon (code, percent, periods, created_by, created_at) values ('SPRING-20', 20, 1, 'test', $1)", Start);
        await _server.SqlAsync("insert into control.coupon_redemption (tenant_id, code, redeemed_at, periods_left) values ($1, 'SPRING-20', $2, 1)", tenant.Id, Start);
        await GoodwillAsync(tenant, 10m);
        await _server.SqlAsync(
            "insert into control.balance_entry (id, tenant_id, amount, kind, source, actor, created_at) values (gen_random_uuid(), $1, 5, 'overpayment', 'x', 'test', $2)", tenant.Id, Start);
        await _server.MoveClockAsync(May);

        var invoices = await InvoicesAsync(tenant);
        // March: 9.90 less 1.98 and 7.92 of the goodwill. April: 9.90 less 2.08, with tax 9.31, of which the balance pays 5.
        Assert.Equal([(9.31m, "open"), (0m, "paid")], invoices.Select(invoice => (Amount(invoice, "total_amount"), invoice.GetProperty("status").GetString())));
        Assert.Equal([4.31m], await QueryAsync("select amount from control.payment where tenant_id = $1", row => row.GetDecimal(0), tenant.Id));
        await using var transaction = await _server.Database.BeginAsync(tenant.Id, default);
        Assert.Equal((0m, 0, 0), (await transaction.BalanceAsync(tenant.Id, default), (await transaction.AdjustmentsAsync(tenant.Id, default)).Count, (await transaction.RedeemedCouponsAsync(tenant.Id, default)).Count));
    }

    [Fact]
    public async Task Less_than_fifty_cents_is_settled_at_once_and_collected_with_the_next_invoice()
    {
        var tenant = await _server.CreateTenantAsync("basic");
        await GoodwillAsync(tenant, 9.60m);
        await _server.MoveClockAsync(May);

        Assert.Equal([("open", 11.78m), ("paid", 0.36m)], (await InvoicesAsync(tenant)).Select(invoice => (invoice.GetProperty("status").GetString(), Amount(invoice, "total_amount"))));
        Assert.Equal([12.14m], await QueryAsync("select amount from control.payment where tenant_id = $1", row => row.GetDecimal(0), tenant.Id));
        Assert.Equal([("carried", 0.36m), ("balance", -0.36m)], await QueryAsync("select kind, amount from control.settlement order by booked_at", row => (row.GetString(0), row.GetDecimal(1))));
    }

    [Fact]
    public async Task However_many_processes_write_documents_each_invoice_is_rendered_and_mailed_once()
    {
        var tenants = new[] { await _server.CreateTenantAsync("basic"), await _server.CreateTenantAsync("basic"), await _server.CreateTenantAsync("premium") };
        Assert.True(await _server.Clock.MoveAsync(_server.Database, April, default));
        foreach (var tenant in tenants)
        {
            await _server.Services.GetRequiredService<AdvanceSubscription>().RunAsync(tenant.Id, default);
        }

        // As after a crash between the invoices and their documents.
        Assert.Empty(await QueryAsync("select 1 from control.invoice_pdf", row => row.GetInt32(0)));
        await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => _server.Services.GetRequiredService<WriteDocuments>().RunAsync(DateTimeOffset.MaxValue, default)));

        Assert.Equal([3L, 3, 0], await QueryAsync(
            "select count(*) from control.invoice_pdf union all select count(*) from control.outbox where dedupe_key like 'invoice:%' union all select count(*) from control.invoice_undocumented",
            row => row.GetInt64(0)));
    }

    async Task SegmentAsync(TestTenant tenant, DateTimeOffset from, string? plan) => await _server.SqlAsync(
        "insert into control.subscription_segment (tenant_id, starts_at, plan, reason) values ($1, $2, $3, 'changed')", tenant.Id, from, plan);

    Task GoodwillAsync(TestTenant tenant, decimal amount) => _server.SqlAsync(
        """
        insert into control.adjustment (id, tenant_id, kind, description, amount, remaining, reason, created_by, created_at)
        values (gen_random_uuid(), $1, 'goodwill', 'Sorry for the outage', $2, $2, 'test', 'test', $3)
        """,
        tenant.Id, amount, Start);

    async Task ReportAsync(TestTenant tenant, params object[] events) => Assert.Equal(events.Length, (await _server.ReportAsync(tenant, events).CountsAsync()).Accepted);

    async Task<List<T>> QueryAsync<T>(string sql, Func<Npgsql.NpgsqlDataReader, T> row, params List<object?> args)
    {
        await using var transaction = await _server.Database.BeginJobAsync(default);
        return await transaction.QueryAsync(sql, row, default, args);
    }

    static async Task<List<JsonElement>> InvoicesAsync(TestTenant tenant) =>
        [.. (await (await tenant.Http.GetAsync("/v1/invoices")).ReadAsync()).GetProperty("items").EnumerateArray()];

    static decimal Amount(JsonElement json, string name) => json.GetProperty(name).GetDecimal();
}
