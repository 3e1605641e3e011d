using System.Net;
using System.Net.Http.Json;
using System.Text;
using ControlPlane.Tests.Support.Payments;

namespace ControlPlane.Tests;

/// <summary>Bank transfers: recorded by operators and imported from statements.</summary>
public sealed class TransferJourneys : IAsyncLifetime
{
    PaymentRig _rig = null!;

    public async Task InitializeAsync()
    {
        _rig = await PaymentRig.StartAsync(kind: null);
        await _rig.Server.SqlAsync("insert into control.billing_profile (tenant_id, collection) values ($1, 'transfer')", _rig.Tenant.Id);
        await _rig.MoveAsync(PaymentRig.Charge);
    }

    public async Task DisposeAsync() => await _rig.DisposeAsync();

    [Fact]
    public async Task A_customer_is_told_how_to_transfer()
    {
        var reply = await (await _rig.PayAsync()).ReadAsync();
        Assert.Equal(("transfer", "INV-000001", "9.90"), (reply.Member("status"), reply.Member("reference"), reply.Member("amount")));
    }

    [Fact]
    public async Task An_operator_records_a_transfer_once_and_what_is_too_much_goes_to_the_balance()
    {
        Assert.Equal(3.90m, await OpenAfterAsync(6m, "R1"));
        using var again = await RecordAsync(6m, "R1");
        Assert.Equal(HttpStatusCode.Conflict, again.StatusCode);
        Assert.Equal("due", await _rig.PaymentStateAsync());

        Assert.Equal(-1.10m, await OpenAfterAsync(5m, "R2"));
        Assert.Equal(("succeeded", 0m, 1.10m), (await _rig.PaymentStateAsync(), await _rig.OpenAsync(), await _rig.BalanceAsync()));
        Assert.Contains("Payment received for invoice INV-000001", await _rig.MailsAsync());
    }

    [Fact]
    public async Task Invalid_transfers_name_the_field()
    {
        using var negative = await RecordAsync(-1m, "R1");
        Assert.Equal(HttpStatusCode.BadRequest, negative.StatusCode);
        using var unknown = await _rig.Server.Operator.PostAsJsonAsync("/v1/admin/invoices/INV-999999/payments", new { amount = 1m, received_on = "2026-04-01", reference = "R1" });
        Assert.Equal(HttpStatusCode.NotFound, unknown.StatusCode);
        using var tenant = await _rig.Tenant.Http.PostAsJsonAsync("/v1/admin/invoices/INV-000001/payments", new { amount = 1m, received_on = "2026-04-01", reference = "R1" });
        Assert.Equal(HttpStatusCode.Forbidden, tenant.StatusCode);
    }

    [Fact]
    public async Task A_statement_is_booked_once_and_what_names_no_invoice_is_left_to_an_operator()
    {
        var statement = Statement(Entry("9.90", "CRDT", "A1", "Rechnung inv 000001") + Entry("20.00", "CRDT", "A2", "Thank you"));
        var first = await ImportAsync(statement);
        Assert.Equal(("2", "1", "1", "0"), (first.Member("entries"), first.Member("matched"), first.Member("unmatched"), first.Member("known")));
        Assert.Equal("2", (await ImportAsync(statement)).Member("known"));
        Assert.Equal(("succeeded", 0m), (await _rig.PaymentStateAsync(), await _rig.OpenAsync()));

        var list = await (await _rig.Server.Operator.GetAsync("/v1/admin/bank-transactions?state=unmatched")).ReadAsync();
        var entry = Assert.Single(list.GetProperty("items").EnumerateArray());
        Assert.Equal("20.00", entry.Member("amount"));
        var matched = await (await _rig.Server.Operator.PostAsJsonAsync($"/v1/admin/bank-transactions/{entry.Member("id")}/match", new { invoice = "INV-000001" })).ReadAsync();
        Assert.Equal("-20.00", matched.Member("open"));
        Assert.Equal(20m, await _rig.BalanceAsync());
    }

    [Fact]
    public async Task Money_that_left_the_account_opens_an_invoice_again_only_when_an_operator_says_so_and_as_far_as_it_was_transferred()
    {
        await ImportAsync(Statement(Entry("9.90", "CRDT", "A1", "INV-000001")));
        await ImportAsync(Statement(Entry("500.00", "CRDT", "A2", "INV-000001") + Entry("500.00", "DBIT", "A3", "Return INV-000001") + Entry("9.90", "DBIT", "A4", "Return INV-000001")));
        Assert.Equal(("succeeded", 0m), (await _rig.PaymentStateAsync(), await _rig.OpenAsync()));

        using var tooMuch = await MatchAsync("A3");
        Assert.Equal(HttpStatusCode.NotFound, tooMuch.StatusCode);
        using var matched = await MatchAsync("A4");
        Assert.Equal(HttpStatusCode.OK, matched.StatusCode);
        Assert.Equal(("reversed", PaymentRig.Price), (await _rig.PaymentStateAsync(), await _rig.OpenAsync()));

        async Task<HttpResponseMessage> MatchAsync(string reference)
        {
            var id = await _rig.Server.ReadAsync<Guid>("select id from control.bank_transaction where bank_reference = $1", reference);
            return await _rig.Server.Operator.PostAsJsonAsync($"/v1/admin/bank-transactions/{id}/match", new { invoice = "INV-000001" });
        }
    }

    [Fact]
    public async Task Eight_imports_of_one_statement_at_once_book_it_once()
    {
        var statement = Statement(Entry("4.00", "CRDT", "A1", "INV-000001") + Entry("5.90", "CRDT", "A2", "INV-000001"));
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => ImportAsync(statement)));
        Assert.Equal((0m, 0m), (await _rig.OpenAsync(), await _rig.BalanceAsync()));
        Assert.Equal(2, await _rig.Server.ReadAsync<long>("select count(*) from control.settlement"));
    }

    [Fact]
    public async Task What_is_no_statement_is_refused()
    {
        using var reply = await _rig.Server.Operator.PostAsync("/v1/admin/statements", new StringContent("<x/>", Encoding.UTF8, "application/xml"));
        Assert.Equal(HttpStatusCode.BadRequest, reply.StatusCode);
    }

    async Task<decimal> OpenAfterAsync(decimal amount, string reference) => (await (await RecordAsync(amount, reference)).ReadAsync()).GetProperty("open").GetDecimal();

    Task<HttpResponseMessage> RecordAsync(decimal amount, string reference) =>
        _rig.Server.Operator.PostAsJsonAsync("/v1/admin/invoices/INV-000001/payments", new { amount, received_on = "2026-04-01", reference });

    async Task<System.Text.Json.JsonElement> ImportAsync(string statement)
    {
        using var reply = await _rig.Server.Operator.PostAsync("/v1/admin/statements", new StringContent(statement, Encoding.UTF8, "application/xml"));
        return await reply.ReadAsync();
    }

    static string Entry(string amount, string direction, string reference, string text) => $"""
        <Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{direction}</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-04-01</Dt></BookgDt><AcctSvcrRef>{reference}</AcctSvcrRef>
        <NtryDtls><TxDtls><RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>
        """;

    static string Statement(string entries) => $"""
        <?xml version="1.0" encoding="UTF-8"?>
        <Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt><Stmt><Acct><Id><IBAN>DE02120300000000202051</IBAN></Id></Acct>{entries}</Stmt></BkToCstmrStmt></Document>
        """;
}
