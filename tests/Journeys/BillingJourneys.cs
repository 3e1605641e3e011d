using System.Net;
using System.Text.Json;
using Npgsql;

namespace ControlPlane.Tests;

public sealed class BillingJourneys : IAsyncLifetime
{
    static readonly DateTimeOffset Start = new(2026, 1, 31, 9, 30, 0, TimeSpan.Zero);
    static readonly DateTimeOffset FirstEnd = new(2026, 2, 28, 0, 0, 0, TimeSpan.Zero);
    static readonly DateTimeOffset SecondEnd = new(2026, 3, 31, 0, 0, 0, TimeSpan.Zero);

    TestServer _server = null!;
    TestTenant _tenant = null!;

    public async Task InitializeAsync()
    {
        _server = await TestServer.StartAsync(clock: Start);
        _tenant = await _server.CreateTenantAsync("basic");
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact, Trait("Category", "Quick")]
    public async Task At_the_end_of_a_period_base_and_overage_are_invoiced_and_the_invoice_is_mailed_and_downloadable()
    {
        await AcceptAsync(Deliveries.Event("e1", Start, 1_000_000, 234_567));
        await _server.MoveClockAsync(FirstEnd);

        var invoice = Assert.Single(await InvoicesAsync());
        Assert.Equal(("INV-000001", "2026-01-31", "2026-02-28", 9.90m, 1_234_567L, 234_567L, 2.35m, 0m, 12.25m, "EUR", "open"), (
            Text(invoice, "number"), Text(invoice, "period_start"), Text(invoice, "period_end"), Amount(invoice, "base_charge"),
            invoice.GetProperty("token_usage").GetInt64(), invoice.GetProperty("overage_tokens").GetInt64(), Amount(invoice, "overage_charge"),
            Amount(invoice, "tax"), Amount(invoice, "total_amount"), Text(invoice, "currency"), Text(invoice, "status")));
        Assert.Equal(1_234_567, invoice.GetProperty("lines").EnumerateArray().Sum(line => line.GetProperty("tokens").GetInt64()));

        var pdf = await (await _tenant.Http.GetAsync("/v1/invoices/INV-000001.pdf")).Content.ReadAsByteArrayAsync();
        Assert.StartsWith("%PDF-", System.Text.Encoding.ASCII.GetString(pdf), StringComparison.Ordinal);
        Assert.Contains(await _server.MailsAsync(), mail => mail.Subject.StartsWith("Rechnung INV-000001", StringComparison.Ordinal));
        var other = await _server.CreateTenantAsync();
        Assert.Equal(HttpStatusCode.NotFound, (await other.Http.GetAsync("/v1/invoices/INV-000001")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await other.Http.GetAsync("/v1/invoices/INV-000001.pdf")).StatusCode);
    }

    [Fact]
    public async Task An_invoice_of_any_amount_can_be_written()
    {
        await _server.SqlAsync("update control.subscription set agreed_overage_eur_per_1000 = 900000 where tenant_id = $1", _tenant.Id);
        await AcceptAsync(Deliveries.Event("e1", Start, UsageEvent.MaximumTokens, UsageEvent.MaximumTokens));
        await _server.MoveClockAsync(FirstEnd);

        var invoice = Assert.Single(await InvoicesAsync());
        Assert.Equal((17_100_000_000m, 17_100_000_009.90m), (Amount(invoice, "overage_charge"), Amount(invoice, "total_amount")));
        Assert.Equal(HttpStatusCode.OK, (await _tenant.Http.GetAsync("/v1/invoices/INV-000001.pdf")).StatusCode);
    }

    [Fact]
    public async Task Concurrent_and_repeated_runs_of_the_billing_job_create_one_invoice()
    {
        await _server.MoveClockAsync(FirstEnd);
        await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => _server.RunJobAsync("billing")));

        Assert.Single(await InvoicesAsync());
    }

    [Fact]
    public async Task Invoices_are_sent_only_to_members_with_a_confirmed_email_address()
    {
        var invite = _server.Services.GetRequiredService<InviteMember>();
        Assert.IsType<InviteMemberResult.Invited>(await invite.RunAsync(_tenant.Id, "typo@example.com", "billing", "test", CancellationToken.None));
        await _server.MoveClockAsync(FirstEnd);

        var invoiced = Assert.Single(await _server.MailsAsync(), mail => mail.Subject.StartsWith("Rechnung INV-000001", StringComparison.Ordinal));
        Assert.Equal($"owner@{_tenant.Slug}.example", invoiced.To);
    }

    [Fact]
    public async Task A_tenant_whose_period_cannot_be_closed_is_reported_and_does_not_block_other_invoices()
    {
        await using (var transaction = await _server.Database.BeginJobAsync(CancellationToken.None))
        {
            // A country without a name. This tenant is older than the other, so it is processed first.
            await transaction.ExecuteAsync("update control.tenant set country = 'ZZ' where id = $1", CancellationToken.None, _tenant.Id);
            await transaction.CommitAsync(CancellationToken.None);
        }

        var other = await _server.CreateTenantAsync();
        await _server.MoveClockAsync(FirstEnd);

        var run = await _server.RunJobAsync("billing");
        Assert.Equal("failed", Text(run, "outcome"));
        Assert.Contains(_tenant.Id.ToString(), Text(run, "error"), StringComparison.Ordinal);
        var invoices = await (await other.Http.GetAsync("/v1/invoices")).ReadAsync();
        Assert.Equal("INV-000001", Text(Assert.Single(invoices.GetProperty("items").EnumerateArray()), "number"));
    }

    [Fact]
    public async Task As_many_tokens_as_can_be_counted_can_be_invoiced()
    {
        await AcceptAsync(Deliveries.Event("first", Start));
        // No test can report as many.
        await _server.SqlAsync(
            """
            insert into control.usage_event (tenant_id, id, occurred_at, recorded_at, user_id, model, prompt_tokens, completion_tokens, cost, period)
            values ($1, 'sum', $2, $2, 'u1', 'gemini-pro', $3, 0, 0, 1)
            """,
            _tenant.Id, Start, long.MaxValue - 150);
        await _server.MoveClockAsync(FirstEnd);

        var invoice = Assert.Single(await InvoicesAsync());
        Assert.Equal(long.MaxValue, invoice.GetProperty("token_usage").GetInt64());
        var overage = invoice.GetProperty("lines").EnumerateArray().Single(line => Text(line, "kind") == "overage");
        Assert.Equal((long.MaxValue - 1_000_000, 92_233_720_368_537.76m), ((long)Amount(overage, "quantity"), Amount(overage, "amount")));
    }

    [Fact]
    public async Task Late_events_of_an_invoiced_period_are_a_line_of_the_next_invoice()
    {
        await AcceptAsync(Deliveries.Event("in-time", Start, 900_000, 0));
        await _server.MoveClockAsync(FirstEnd.AddHours(12));
        await AcceptAsync(Deliveries.Event("late", FirstEnd.AddHours(-1), 300_000, 0), Deliveries.Event("new", FirstEnd.AddHours(1), 500, 0));
        await _server.MoveClockAsync(SecondEnd);

        var second = (await InvoicesAsync())[0];
        Assert.Equal(("2026-02-28", 300_500L, 200_000L, 2.00m), (
            Text(second, "period_start"), second.GetProperty("token_usage").GetInt64(), second.GetProperty("overage_tokens").GetInt64(), Amount(second, "overage_charge")));
        var late = second.GetProperty("lines").EnumerateArray().Single(line => Text(line, "kind") == "late");
        Assert.Equal((300_000L, 2.00m), (late.GetProperty("tokens").GetInt64(), Amount(late, "amount")));
    }

    [Fact]
    public async Task Late_events_of_the_first_period_are_billed_on_top_of_those_dated_before_the_anchor()
    {
        await AcceptAsync(Deliveries.Event("before", Start.AddDays(-1), 900_000, 0), Deliveries.Event("in-time", Start, 50_000, 0));
        await _server.MoveClockAsync(FirstEnd.AddHours(12));
        await AcceptAsync(Deliveries.Event("late", FirstEnd.AddHours(-1), 200_000, 0));
        await _server.MoveClockAsync(SecondEnd);

        var late = (await InvoicesAsync())[0].GetProperty("lines").EnumerateArray().Single(line => Text(line, "kind") == "late");
        Assert.Equal((200_000L, 1.50m), (late.GetProperty("tokens").GetInt64(), Amount(late, "amount")));
    }

    [Fact]
    public async Task Invoice_numbers_have_no_gaps_and_missed_periods_are_invoiced_later()
    {
        await _server.CreateTenantAsync("premium");
        await _server.CreateTenantAsync("trial");
        await _server.MoveClockAsync(new DateTimeOffset(2026, 6, 30, 0, 0, 0, TimeSpan.Zero));

        await using var transaction = await _server.Database.BeginJobAsync(default);
        var numbers = await transaction.QueryAsync("select number from control.invoice order by number", row => row.GetString(0), default);
        Assert.Equal(Enumerable.Range(1, 10).Select(n => $"INV-{n:000000}"), numbers);
        Assert.Equal(["2026-05-31", "2026-04-30", "2026-03-31", "2026-02-28", "2026-01-31"], (await InvoicesAsync()).Select(i => Text(i, "period_start")));
    }

    [Fact]
    public async Task A_deleted_tenant_gets_the_invoice_of_its_last_period_and_none_after_it()
    {
        await AcceptAsync(Deliveries.Event("e1", Start));
        Assert.True((await _server.Operator.DeleteAsync($"/v1/admin/tenants/{_tenant.Id}")).IsSuccessStatusCode);
        await _server.RunJobAsync("provision");
        await _server.MoveClockAsync(new DateTimeOffset(2026, 6, 30, 0, 0, 0, TimeSpan.Zero));

        await using var transaction = await _server.Database.BeginJobAsync(default);
        Assert.Equal(["2026-01-31"], await transaction.QueryAsync("select period_start::text from control.invoice", row => row.GetString(0), default));
    }

    [Fact]
    public async Task A_final_invoice_cannot_be_changed_by_anyone()
    {
        await _server.MoveClockAsync(FirstEnd);
        await using var owner = await _server.Database.OpenOwnerAsync(default);
        foreach (var change in new[]
        {
            "update control.invoice set total_amount = 0, net_amount = 0", "delete from control.invoice", "update control.invoice_line set amount = 0",
            "delete from control.invoice_line", "update control.invoice_pdf set content = ''",
        })
        {
            Assert.Equal("23001", (await Assert.ThrowsAsync<PostgresException>(() => owner.ExecuteAsync(change, default))).SqlState);
        }
    }

    [Fact]
    public async Task Concurrent_events_and_invoicing_lose_no_usage()
    {
        await _server.MoveClockAsync(FirstEnd.AddSeconds(-1));
        var reporting = Enumerable.Range(0, 40).Select(n => _server.ReportAsync(_tenant, Deliveries.Event($"e{n}", FirstEnd.AddSeconds(-2), 1000, 0)));
        var moving = _server.MoveClockAsync(FirstEnd.AddMinutes(1));
        await Task.WhenAll(reporting.Append<Task>(moving));
        await _server.MoveClockAsync(SecondEnd);

        Assert.Equal(40_000, (await InvoicesAsync()).Sum(i => i.GetProperty("token_usage").GetInt64()));
    }

    async Task AcceptAsync(params object[] events) => Assert.Equal(events.Length, (await _server.ReportAsync(_tenant, events).CountsAsync()).Accepted);

    async Task<List<JsonElement>> InvoicesAsync() =>
        [.. (await (await _tenant.Http.GetAsync("/v1/invoices")).ReadAsync()).GetProperty("items").EnumerateArray()];

    static string? Text(JsonElement json, string name) => json.GetProperty(name).GetString();

    static decimal Amount(JsonElement json, string name) => json.GetProperty(name).GetDecimal();
}
