using System.Net;
using System.Net.Http.Json;
using ControlPlane.Tests.Support.Payments;

namespace ControlPlane.Tests;

/// <summary>What operators do about tenants' money, over the API.</summary>
public sealed class OperatorBillingJourneys
{
    static readonly DateTimeOffset Start = new(2026, 3, 1, 9, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task An_unpaid_invoice_is_listed_by_age_and_written_off_which_gives_access_back()
    {
        await using var server = await TestServer.StartAsync(clock: Start);
        var tenant = await server.CreateTenantAsync();
        await server.Operator.PostAsJsonAsync("/v1/sandbox/payments", new { tenant_id = tenant.Id, outcome = "lost_card" });
        await server.MoveClockAsync(Start.AddMonths(1).AddDays(7));

        var open = Assert.Single((await (await server.Operator.GetAsync("/v1/admin/invoices?overdue_days=5")).ReadAsync()).GetProperty("items").EnumerateArray());
        Assert.Equal(("INV-000001", 9.90m, "suspended"), (open.GetProperty("number").GetString(), open.GetProperty("open").GetDecimal(), open.GetProperty("stage").GetString()));
        Assert.Empty((await (await server.Operator.GetAsync("/v1/admin/invoices?overdue_days=31")).ReadAsync()).GetProperty("items").EnumerateArray());
        Assert.NotEmpty((await (await server.Operator.GetAsync("/v1/admin/reviews")).ReadAsync()).GetProperty("items").EnumerateArray());

        Assert.Equal(HttpStatusCode.BadRequest, (await server.Operator.PostAsJsonAsync("/v1/admin/invoices/INV-000001/write-off", new { reason = "" })).StatusCode);
        (await server.Operator.PostAsJsonAsync("/v1/admin/invoices/INV-000001/write-off", new { reason = "Ticket 4711" })).EnsureSuccessStatusCode();

        Assert.Equal(HttpStatusCode.Conflict, (await server.Operator.PostAsJsonAsync("/v1/admin/invoices/INV-000001/write-off", new { reason = "Ticket 4711" })).StatusCode);
        Assert.Equal("full", (await (await tenant.Http.GetAsync("/v1/subscription")).ReadAsync()).GetProperty("access").GetString());
        Assert.Equal("written_off", (await (await tenant.Http.GetAsync("/v1/invoices/INV-000001")).ReadAsync()).GetProperty("status").GetString());
    }

    [Fact]
    public async Task Receivables_and_what_was_collected_are_summed_up()
    {
        await using var server = await TestServer.StartAsync(clock: Start);
        await server.CreateTenantAsync();
        var late = await server.CreateTenantAsync();
        await server.Operator.PostAsJsonAsync("/v1/sandbox/payments", new { tenant_id = late.Id, outcome = "lost_card" });
        await server.MoveClockAsync(Start.AddMonths(1).AddDays(7));
        var sums = await (await server.Operator.GetAsync("/v1/admin/receivables")).ReadAsync();
        Assert.Equal((9.90m, 9.90m, 0m), (sums.GetProperty("total").GetDecimal(), sums.GetProperty("received").GetDecimal(), sums.GetProperty("written_off").GetDecimal()));
        Assert.Equal(9.90m, sums.GetProperty("overdue")[0].GetProperty("amount").GetDecimal());
    }

    [Fact]
    public async Task A_tax_rate_is_added_once_for_a_coming_day()
    {
        await using var server = await TestServer.StartAsync(clock: Start);
        var rate = new { country = "DE", valid_from = "2027-01-01", percent = 16.5m, source = "Federal Law Gazette" };
        Assert.Equal(HttpStatusCode.Created, (await server.Operator.PostAsJsonAsync("/v1/admin/tax-rates", rate)).StatusCode);
        Assert.Equal(HttpStatusCode.Conflict, (await server.Operator.PostAsJsonAsync("/v1/admin/tax-rates", rate)).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await server.Operator.PostAsJsonAsync("/v1/admin/tax-rates", rate with { valid_from = "2026-03-01" })).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await server.Operator.PostAsJsonAsync("/v1/admin/tax-rates", rate with { country = "XX" })).StatusCode);
        var rates = (await (await server.Operator.GetAsync("/v1/admin/tax-rates")).ReadAsync()).GetProperty("items").EnumerateArray().Where(item => item.Member("country") == "DE").ToList();
        Assert.Equal(["2027-01-01", "2024-01-01"], rates.Select(item => item.Member("valid_from")));
    }

    [Fact]
    public async Task A_coupon_is_created_once_redeemed_once_and_ended()
    {
        await using var server = await TestServer.StartAsync();
        var tenant = await server.CreateTenantAsync();
        var coupon = new { code = "spring-26", percent = 20, periods = 3 };
        Assert.Equal(HttpStatusCode.Created, (await server.Operator.PostAsJsonAsync("/v1/admin/coupons", coupon)).StatusCode);
        Assert.Equal(HttpStatusCode.Conflict, (await server.Operator.PostAsJsonAsync("/v1/admin/coupons", coupon)).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await server.Operator.PostAsJsonAsync("/v1/admin/coupons", new { code = "both", percent = 20, amount_eur = 5 })).StatusCode);

        Assert.Equal(HttpStatusCode.NoContent, (await RedeemAsync()).StatusCode);
        Assert.Equal(HttpStatusCode.Conflict, (await RedeemAsync()).StatusCode);
        Assert.Equal(HttpStatusCode.NoContent, (await server.Operator.DeleteAsync("/v1/admin/coupons/SPRING-26")).StatusCode);
        tenant = await server.CreateTenantAsync();
        Assert.Equal(HttpStatusCode.Conflict, (await RedeemAsync()).StatusCode);

        Task<HttpResponseMessage> RedeemAsync() => server.Operator.PostAsJsonAsync($"/v1/admin/tenants/{tenant.Id}/coupons", new { code = "SPRING-26" });
    }
}
