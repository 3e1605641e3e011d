using System.Net.Http.Json;

namespace ControlPlane.Tests;

/// <summary>Overage that exceeds an amount is invoiced and charged before its period ends. Periods begin on the first of the month; a thousand tokens beyond a million cost 0.01 EUR.</summary>
public sealed class ExposureJourneys : IAsyncLifetime
{
    static readonly DateTimeOffset Start = new(2026, 4, 1, 0, 0, 0, TimeSpan.Zero);
    static readonly DateTimeOffset End = new(2026, 5, 1, 0, 0, 0, TimeSpan.Zero);

    TestServer _server = null!;
    TestTenant _tenant = null!;

    public async Task InitializeAsync()
    {
        _server = await TestServer.StartAsync(clock: Start, settings: [new("CONTROLPLANE_EXPOSURE_LIMIT_EUR", "5")]);
        _tenant = await _server.CreateReadyTenantAsync("basic");
        await _server.SqlAsync("insert into control.budget_override (tenant_id, tokens_per_day, reason, updated_at) values ($1, 100000000, 'test', now())", _tenant.Id);
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact, Trait("Category", "Quick")]
    public async Task It_is_billed_as_often_as_it_exceeds_the_amount_and_the_final_invoice_bills_the_rest()
    {
        await _server.JumpAsync(Start.AddDays(3));
        await UseAsync(1_500_000);
        await _server.RunJobAsync("billing");
        Assert.Equal(0, await _server.ReadAsync<long>("select count(*) from control.invoice"));

        await UseAsync(100_000);
        // Two at a time write one.
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => _server.Services.GetRequiredService<RunBillingCycle>().RunAsync(default)));
        await UseAsync(1_000_000);
        await _server.JumpAsync(Start.AddDays(4), "billing", "payments");
        Assert.Equal(["interim 6.00 paid", "interim 10.00 paid"], await InvoicesAsync());
        Assert.Equal(9.90m, (await (await _tenant.Http.GetAsync("/v1/subscription")).ReadAsync()).GetProperty("next_invoice").GetProperty("total").GetDecimal());

        await UseAsync(50_000);
        await _server.JumpAsync(End, "billing");
        await _server.JumpAsync(End.AddHours(9), "payments");
        Assert.Equal(["interim 6.00 paid", "interim 10.00 paid", "period 10.40 paid"], await InvoicesAsync());
        Assert.Equal("paid", await StageAsync());
        Assert.Equal(2_650_000, await _server.ReadAsync<long>("select sum(token_usage)::bigint from control.invoice"));
        Assert.Equal(
            ["INV-000003", "INV-000002", "INV-000001"],
            (await (await _tenant.Http.GetAsync("/v1/invoices")).ReadAsync()).GetProperty("items").EnumerateArray().Select(invoice => invoice.GetProperty("number").GetString()));
    }

    [Fact]
    public async Task While_it_cannot_be_charged_no_more_overage_is_allowed_and_it_is_dunned_with_its_period()
    {
        await _server.JumpAsync(Start.AddDays(3));
        await SetOutcomeAsync("expired_card");
        await UseAsync(1_600_000);
        Assert.True((await _tenant.AuthorizeAsync(1)).Allow);
        await _server.RunJobAsync("billing");
        await _server.RunJobAsync("payments");
        Assert.Equal("monthly_limit", (await _tenant.AuthorizeAsync(1)).Reason);
        Assert.Contains(await _server.MailsAsync(), mail => mail.Body.Contains("Bis zur Zahlung wird Nutzung über den Tarif hinaus abgelehnt.", StringComparison.Ordinal));

        await _server.JumpAsync(End, "billing");
        Assert.Equal("past_due", await StageAsync());
        await SetOutcomeAsync("succeed");
        await _server.JumpAsync(End.AddHours(9), "payments");
        Assert.Equal(["interim 6.00 open", "period 9.90 paid"], await InvoicesAsync());
        await _server.JumpAsync(End.AddHours(72), "billing");
        Assert.Equal("dunning", await StageAsync());

        (await _tenant.Http.PostAsync("/v1/invoices/INV-000001/pay", content: null)).EnsureSuccessStatusCode();
        Assert.Equal(("paid", "full false"), (
            await StageAsync(), await _server.ReadAsync<string>("select access || ' ' || overage_stopped from control.subscription where tenant_id = $1", _tenant.Id)));
        Assert.Equal(["interim 6.00 paid", "period 9.90 paid"], await InvoicesAsync());
    }

    async Task UseAsync(long tokens) => Assert.Equal(
        1, (await _server.ReportAsync(_tenant, Deliveries.Event(Names.Random("e"), _server.Clock.GetUtcNow(), tokens, 0)).CountsAsync()).Accepted);

    async Task SetOutcomeAsync(string outcome) => (await _server.Operator.PostAsJsonAsync("/v1/sandbox/payments", new { tenant_id = _tenant.Id, outcome })).EnsureSuccessStatusCode();

    Task<string[]> InvoicesAsync() => _server.ListAsync(
        "select array_agg(concat_ws(' ', kind, net_amount, status) order by number) from control.invoice where tenant_id = $1", _tenant.Id);

    Task<string?> StageAsync() => _server.ReadAsync<string>("select stage from control.billing_period where tenant_id = $1 and number = 1", _tenant.Id);
}
