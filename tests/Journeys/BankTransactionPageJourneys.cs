using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using ControlPlane.Billing.Pdf;
using ControlPlane.Tests.Support.Payments;

namespace ControlPlane.Tests;

/// <summary>The operator's page of bank transactions, and what customers see of a transfer.</summary>
public sealed partial class BankTransactionPageJourneys : IAsyncLifetime
{
    const string Iban = "DE02120300000000202051";
    const string PayersIban = "DE11520513735120710131";

    PaymentRig _rig = null!;
    HttpClient _operator = null!;

    public async Task InitializeAsync()
    {
        _rig = await PaymentRig.StartAsync(kind: null);
        await _rig.Server.SqlAsync("insert into control.billing_profile (tenant_id, collection) values ($1, 'transfer')", _rig.Tenant.Id);
        await _rig.MoveAsync(PaymentRig.Charge);
        _operator = _rig.Server.NewVisitor();
        await _operator.SubmitAsync("/admin/login", "/admin/login", ("key", _rig.Server.OperatorKey));
    }

    public async Task DisposeAsync()
    {
        _operator.Dispose();
        await _rig.DisposeAsync();
    }

    [Fact]
    public async Task An_uploaded_statement_is_imported_and_a_proposal_matches_its_entry()
    {
        Assert.Contains("Nothing to match", await _operator.GetStringAsync("/admin/bank-transactions"), StringComparison.Ordinal);
        Assert.Contains("0 matched, 1 to match", await UploadAsync(Statement(Entry("9.90", "A1", $"Organization {_rig.Tenant.Slug}"))), StringComparison.Ordinal);

        var page = await _operator.GetStringAsync("/admin/bank-transactions");
        Assert.Contains("same name, exact amount", page, StringComparison.Ordinal);
        var entry = await _rig.Server.ReadAsync<Guid>("select id from control.bank_transaction");
        using var matched = await _operator.SubmitAsync("/admin/bank-transactions", $"/admin/bank-transactions/{entry}/match", ("invoice", "INV-000001"));
        Assert.Contains("Booked on the invoice.", await matched.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(("succeeded", 0m), (await _rig.PaymentStateAsync(), await _rig.OpenAsync()));
        Assert.Contains(PayersIban, await _operator.GetStringAsync("/admin/bank-transactions?state=matched"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_has_paid_from_an_account_before_is_proposed_again()
    {
        await UploadAsync(Statement(Entry("1.00", "A1", "A stranger")));
        var entry = await _rig.Server.ReadAsync<Guid>("select id from control.bank_transaction");
        await _operator.SubmitAsync("/admin/bank-transactions", $"/admin/bank-transactions/{entry}/match", ("invoice", "INV-000001"));
        await UploadAsync(Statement(Entry("2.00", "A2", "A stranger")));

        var list = await (await _rig.Server.Operator.GetAsync("/v1/admin/bank-transactions?state=unmatched")).ReadAsync();
        var proposal = Assert.Single(Assert.Single(list.GetProperty("items").EnumerateArray()).GetProperty("proposals").EnumerateArray());
        Assert.Equal(("INV-000001", "8.90", "iban"), (proposal.Member("invoice"), proposal.Member("open"), proposal.GetProperty("because")[0].GetString()));
    }

    [Fact]
    public async Task An_entry_for_no_invoice_is_discarded_once_and_no_longer_matched()
    {
        await UploadAsync(Statement(Entry("1.00", "A1", "Tax office")));
        var entry = await _rig.Server.ReadAsync<Guid>("select id from control.bank_transaction");
        using var discarded = await _operator.SubmitAsync("/admin/bank-transactions", $"/admin/bank-transactions/{entry}/discard");
        Assert.Contains("Discarded.", await discarded.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        using var again = await _rig.Server.Operator.PostAsync($"/v1/admin/bank-transactions/{entry}/discard", content: null);
        Assert.Equal(HttpStatusCode.NotFound, again.StatusCode);
        Assert.Equal("due", await _rig.PaymentStateAsync());
    }

    [Theory]
    [InlineData("<x/>", "is not a bank statement")]
    [InlineData("", "Choose a bank statement")]
    public async Task What_is_no_statement_is_refused_with_a_sentence(string content, string problem) =>
        Assert.Contains(problem, await UploadAsync(content, HttpStatusCode.BadRequest), StringComparison.Ordinal);

    [Fact]
    public async Task A_wrong_number_books_nothing()
    {
        await UploadAsync(Statement(Entry("9.90", "A1", "A stranger")));
        var entry = await _rig.Server.ReadAsync<Guid>("select id from control.bank_transaction");
        using var refused = await _operator.SubmitAsync("/admin/bank-transactions", $"/admin/bank-transactions/{entry}/match", ("invoice", "INV-999999"));
        Assert.Equal(HttpStatusCode.Conflict, refused.StatusCode);
        Assert.Equal("due", await _rig.PaymentStateAsync());
    }

    [Fact]
    public async Task A_receipt_is_there_as_soon_as_something_was_paid_and_is_in_the_mail()
    {
        using var none = await _rig.Tenant.Http.GetAsync("/v1/invoices/INV-000001/receipt.pdf");
        Assert.Equal(HttpStatusCode.NotFound, none.StatusCode);
        await UploadAsync(Statement(Entry("9.90", "A1", "INV-000001")));

        using var receipt = await _rig.Tenant.Http.GetAsync("/v1/invoices/INV-000001/receipt.pdf");
        Assert.Equal("application/pdf", receipt.Content.Headers.ContentType!.MediaType);
        Assert.StartsWith("%PDF-", Encoding.ASCII.GetString(await receipt.Content.ReadAsByteArrayAsync()), StringComparison.Ordinal);
        var mail = (await _rig.Server.MailsAsync()).Single(sent => sent.Subject == "Payment received for invoice INV-000001");
        Assert.Contains("/app/invoices/INV-000001/receipt.pdf", mail.Body, StringComparison.Ordinal);
        var other = await _rig.Server.CreateTenantAsync();
        using var foreign = await other.Http.GetAsync("/v1/invoices/INV-000001/receipt.pdf");
        Assert.Equal(HttpStatusCode.NotFound, foreign.StatusCode);
    }

    [Fact]
    public async Task The_pay_page_shows_the_code_of_the_transfer()
    {
        await using var server = await TestServer.StartAsync(
            clock: PaymentRig.Start, settings: [new("CONTROLPLANE_SELLER_IBAN", Iban), new("CONTROLPLANE_SELLER_NAME", "CFS GmbH")]);
        var tenant = await server.CreateTenantAsync();
        await server.SqlAsync("insert into control.billing_profile (tenant_id, collection) values ($1, 'transfer')", tenant.Id);
        await server.MoveClockAsync(PaymentRig.Charge);
        var invoice = await server.ReadAsync<Guid>("select id from control.invoice");
        using var visitor = server.NewVisitor();
        var page = await visitor.GetStringAsync($"/pay/{server.Services.GetRequiredService<ControlPlane.Billing.Mails.PayLinks>().TokenOf(invoice)}");
        Assert.Equal(QrCode.Of(EpcCode.Of("CFS GmbH", Iban, null, 9.90m, "INV-000001")!).Path, CodePath().Match(page).Groups[1].Value);
    }

    async Task<string> UploadAsync(string content, HttpStatusCode expected = HttpStatusCode.OK)
    {
        var token = Token().Match(await _operator.GetStringAsync("/admin/bank-transactions")).Groups[1].Value;
        using var form = new MultipartFormDataContent
        {
            { new StringContent(token), "__RequestVerificationToken" },
            { new ByteArrayContent(Encoding.UTF8.GetBytes(content)), "statement", "statement.xml" },
        };
        using var reply = await _operator.PostAsync("/admin/bank-transactions", form);
        Assert.Equal(expected, reply.StatusCode);
        return await reply.Content.ReadAsStringAsync();
    }

    static string Entry(string amount, string reference, string payer) => $"""
        <Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-04-01</Dt></BookgDt><AcctSvcrRef>{reference}</AcctSvcrRef>
        <NtryDtls><TxDtls><RltdPties><Dbtr><Nm>{payer}</Nm></Dbtr><DbtrAcct><Id><IBAN>{PayersIban}</IBAN></Id></DbtrAcct></RltdPties><RmtInf><Ustrd>{(payer.StartsWith("INV", StringComparison.Ordinal) ? payer : "Thank you")}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>
        """;

    static string Statement(string entries) => $"""
        <?xml version="1.0" encoding="UTF-8"?>
        <Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt><Stmt><Acct><Id><IBAN>{Iban}</IBAN></Id></Acct>{entries}</Stmt></BkToCstmrStmt></Document>
        """;

    [GeneratedRegex("name=\"__RequestVerificationToken\"[^>]*value=\"([^\"]+)\"")] private static partial Regex Token();

    [GeneratedRegex("class=\"qr\".*?<path d=\"([^\"]+)\"", RegexOptions.Singleline)] private static partial Regex CodePath();
}
