using System.Net;
using System.Net.Http.Json;
using ControlPlane.Tests.Support.Payments;

namespace ControlPlane.Tests;

/// <summary>Reverse charge, listed for the tax office.</summary>
public sealed class EcSalesListJourneys
{
    const string VatId = "FR40303265045";
    static readonly DateTimeOffset Start = new(2026, 3, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task A_service_counts_when_its_supply_ended_and_a_correction_when_it_was_made()
    {
        await using var server = await TestServer.StartAsync(clock: Start, settings: [new("CONTROLPLANE_TAX", "regular")]);
        var tenant = await server.CreateTenantAsync("basic", country: "FR");
        await server.CreateTenantAsync("basic");
        (await tenant.Http.PatchAsync("/v1/organization", JsonContent.Create(new { vat_id = VatId }))).EnsureSuccessStatusCode();
        await server.RunJobAsync("payments");
        await server.MoveClockAsync(Start.AddMonths(1).AddDays(1));
        var number = await server.ReadAsync<string>("select number from control.invoice where tenant_id = $1", tenant.Id);

        // The supply ended on 31 March; the invoice is of 1 April.
        var first = await ListAsync(server, "?from=2026-01-01&to=2026-04-01");
        var sale = Assert.Single(first.GetProperty("sales").EnumerateArray());
        Assert.Equal((VatId, "9.90", "1"), (sale.Member("vat_id"), sale.Member("amount"), sale.Member("invoices")));
        Assert.Empty(first.GetProperty("warnings").EnumerateArray());

        (await server.Operator.PostAsJsonAsync(
            $"/v1/admin/invoices/{number}/credit-notes", new { lines = new[] { new { line = 0, net = 4.00m } }, reason = "Too much", refund = "balance" })).EnsureSuccessStatusCode();
        Assert.Equal("9.90", (await ListAsync(server, "?from=2026-01-01&to=2026-04-01")).Member("total"));
        Assert.Equal("-4.00", (await ListAsync(server, "?from=2026-04-01&to=2026-07-01")).Member("total"));
        Assert.Equal("9.90", (await ListAsync(server, "")).Member("total"));

        using var browser = server.NewVisitor();
        await browser.SubmitAsync("/admin/login", "/admin/login", ("key", server.OperatorKey));
        Assert.Contains(VatId, await browser.GetStringAsync("/admin/ec-sales-list?from=2026-01-01&to=2026-04-01"), StringComparison.Ordinal);
        using var csv = await browser.GetAsync("/admin/ec-sales-list.csv?from=2026-01-01&to=2026-04-01");
        Assert.Equal("text/csv", csv.Content.Headers.ContentType!.MediaType);
        Assert.Contains("\r\nFR,40303265045,Organization ", await csv.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("?from=2026-04-01&to=2026-01-01")]
    [InlineData("?from=yesterday")]
    public async Task A_range_that_is_none_is_refused(string query)
    {
        await using var server = await TestServer.StartAsync();
        using var reply = await server.Operator.GetAsync($"/v1/admin/ec-sales-list{query}");
        Assert.Equal(HttpStatusCode.BadRequest, reply.StatusCode);
    }

    static async Task<System.Text.Json.JsonElement> ListAsync(TestServer server, string query) => await (await server.Operator.GetAsync($"/v1/admin/ec-sales-list{query}")).ReadAsync();
}
