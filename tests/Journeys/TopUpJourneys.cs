using System.Net;
using System.Net.Http.Json;

namespace ControlPlane.Tests;

/// <summary>Credit that is bought in advance. It is taxed with its own invoice, and not when later ones use it. The period ends on 1 February; basic costs 9.90.</summary>
public sealed class TopUpJourneys : IAsyncLifetime
{
    static readonly DateTimeOffset Start = new(2026, 1, 1, 9, 0, 0, TimeSpan.Zero);
    static readonly DateTimeOffset End = new(2026, 2, 1, 0, 0, 0, TimeSpan.Zero);

    TestServer _server = null!;
    TestTenant _tenant = null!;

    public async Task InitializeAsync()
    {
        _server = await TestServer.StartAsync(clock: Start, settings: [new("CONTROLPLANE_TAX", "regular"), new("CONTROLPLANE_SELLER_VAT_ID", "DE136695976")]);
        _tenant = await _server.CreateTenantAsync("basic");
        await _server.SetAddressAsync(_tenant);
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact, Trait("Category", "Quick")]
    public async Task Credit_is_taxed_when_it_is_bought_and_not_when_it_is_used()
    {
        var bought = await (await BuyAsync(15)).ReadAsync();
        Assert.Equal(("INV-000001", "paid"), (bought.GetProperty("invoice").GetString(), bought.GetProperty("status").GetString()));
        Assert.Equal(15m, await CreditAsync());
        await MonthAsync(End);
        await MonthAsync(End.AddMonths(1));
        Assert.Equal(
            ["top_up 15.00 2.85 17.85 paid", "period 0.00 0.00 0.00 paid", "period 4.80 0.91 5.71 paid"],
            await _server.ListAsync("select array_agg(concat_ws(' ', kind, net_amount, tax, total_amount, status) order by number) from control.invoice"));
        Assert.Equal(0m, await CreditAsync());
        Assert.Contains(await _server.MailsAsync(), mail => mail.Body.Contains("Ihre Rechnung für Guthaben ist angehängt.", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("9.99")]
    [InlineData("10000.01")]
    [InlineData("20.001")]
    [InlineData("null")]
    public async Task Amounts_have_bounds(string eur)
    {
        using var reply = await _tenant.Http.PostAsync("/v1/top-ups", new StringContent($$"""{ "eur": {{eur}} }""", System.Text.Encoding.UTF8, "application/json"));
        Assert.Equal(HttpStatusCode.BadRequest, reply.StatusCode);
        Assert.Equal(0, await _server.ReadAsync<long>("select count(*) from control.invoice"));
    }

    [Fact]
    public async Task What_is_not_paid_gives_no_credit_is_not_dunned_and_is_cancelled()
    {
        await SetOutcomeAsync("insufficient_funds");
        Assert.Equal(HttpStatusCode.PaymentRequired, (await BuyAsync(50)).StatusCode);
        Assert.Equal(0m, await CreditAsync());
        // The same again pays the same invoice.
        Assert.Equal(HttpStatusCode.PaymentRequired, (await BuyAsync(50)).StatusCode);
        // Another amount has to wait: each invoice has a number for good, and a mail.
        Assert.Equal(HttpStatusCode.Conflict, (await BuyAsync(51)).StatusCode);
        Assert.Equal(1, await _server.ReadAsync<long>("select count(*) from control.invoice"));

        await _server.JumpAsync(Start.AddDays(6), "payments", "billing");
        Assert.Equal(("open", "full"), await StateAsync());
        Assert.Equal(2, await _server.ReadAsync<int>("select attempts from control.payment"));
        await _server.JumpAsync(Start.AddDays(7).AddHours(1), "billing", "payments");
        Assert.Equal(("credited", "full"), await StateAsync());
        Assert.Equal(0, await _server.ReadAsync<long>("select count(*) from control.outbox where dedupe_key ~ '^(payment-failed|overdue|reminder|suspended):'"));
        Assert.Equal(59.50m, await _server.ReadAsync<decimal>("select total_amount from control.credit_note"));

        await SetOutcomeAsync("succeed");
        Assert.Equal(HttpStatusCode.OK, (await BuyAsync(50)).StatusCode);
        Assert.Equal(50m, await CreditAsync());
    }

    [Fact]
    public async Task What_is_taken_back_takes_what_is_left_of_the_credit_and_a_correction_reduces_it()
    {
        await BuyAsync(20);
        await MonthAsync(End);
        Assert.Equal(10.10m, await CreditAsync());
        await _server.ReverseAsync(_tenant, "INV-000001");
        Assert.Equal(0m, await CreditAsync());
        await _server.PayAsync(_tenant, "INV-000001");
        Assert.Equal(10.10m, await CreditAsync());

        (await _server.Operator.PostAsJsonAsync(
            "/v1/admin/invoices/INV-000001/credit-notes", new { reason = "Bought by mistake", refund = "balance", lines = new[] { new { line = 0, net = 10 } } })).EnsureSuccessStatusCode();
        Assert.Equal(0.10m, await CreditAsync());
    }

    [Fact]
    public async Task A_member_buys_it_on_the_billing_page()
    {
        var person = Person.New() with { Plan = "basic" };
        var tenant = await person.CompleteAsync(_server);
        await _server.SqlAsync("update control.tenant set address_line1 = 'Hauptstr. 1', postal_code = '10115', city = 'Berlin' where id = $1", tenant);
        using var browser = await person.SignInAsync(_server);
        using var refused = await browser.SubmitAsync("/app/billing", "/app/billing/credit", ("eur", "5"));
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Contains("Enter an amount from 10 to 10000 EUR", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);

        using var bought = await browser.SubmitAsync("/app/billing", "/app/billing/credit", ("eur", "25,00"));
        Assert.Contains("Thank you. The credit is used for your next invoices.", await bought.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(25m, await _server.ReadAsync<decimal>("select remaining from control.adjustment where tenant_id = $1", tenant));
        // The document does not wait for the job.
        Assert.Equal(HttpStatusCode.OK, (await browser.GetAsync("/app/invoices/INV-000001.pdf")).StatusCode);
    }

    async Task MonthAsync(DateTimeOffset end)
    {
        await _server.JumpAsync(end, "billing");
        await _server.JumpAsync(end.AddHours(9), "payments");
    }

    Task<HttpResponseMessage> BuyAsync(decimal eur) => _tenant.Http.PostAsJsonAsync("/v1/top-ups", new { eur });

    async Task SetOutcomeAsync(string outcome) => (await _server.Operator.PostAsJsonAsync("/v1/sandbox/payments", new { tenant_id = _tenant.Id, outcome })).EnsureSuccessStatusCode();

    async Task<(string?, string?)> StateAsync() => (
        await _server.ReadAsync<string>("select status from control.invoice where number = 'INV-000001'"), await _server.ReadAsync<string>("select access from control.subscription"));

    async Task<decimal> CreditAsync() => (await (await _tenant.Http.GetAsync("/v1/subscription")).ReadAsync()).GetProperty("credit").GetDecimal();
}
