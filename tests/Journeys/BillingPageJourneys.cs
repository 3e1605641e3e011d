using System.Net.Http.Json;
using System.Text;
using Microsoft.Playwright;

namespace ControlPlane.Tests;

/// <summary>The pages about money, in a real browser, with an invoice that was paid and one that could not be collected.</summary>
[Trait("Category", Browser.Category)]
public sealed class BillingPageJourneys(Browser browser) : IClassFixture<Browser>
{
    static readonly string[] Plans = ["basic", "premium"];

    TestServer Server => browser.Server;

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task Every_page_about_money_fits_its_viewport_and_has_sufficient_contrast(bool phone, bool dark)
    {
        var (tenant, open) = await UnpaidAsync(TimeSpan.FromHours(10));
        var paid = (await Server.ReadAsync<string>("select min(number) from control.invoice where tenant_id = $1", tenant.Id))!;
        var link = new Uri(Server.Address, $"/pay/{Server.Services.GetRequiredService<PayLinks>().TokenOf(await IdOfAsync(open))}").PathAndQuery;
        await Server.Operator.PostAsJsonAsync("/v1/admin/coupons", new { code = Names.Random("SPRING").ToUpperInvariant(), percent = 20, periods = 3, plans = Plans });
        await FillOperatorPagesAsync(tenant, paid);
        await using var window = await browser.OpenAsync(phone: phone, dark: dark);
        await browser.SignInAsync(window, tenant.Id);
        await browser.SignInAsOperatorAsync(window);
        foreach (var (name, path) in ((string, string)[])
            [("billing", "/app/billing"), ("invoices", "/app/invoices"), ("invoice-open", $"/app/invoices/{open}"), ("invoice-paid", $"/app/invoices/{paid}"), ("plan", "/app/plan"),
             ("plan-confirm", "/app/plan/premium"), ("pay", link), ("admin-billing", "/admin/billing"), ("admin-invoice", $"/admin/invoices/{open}"), ("admin-coupons", "/admin/coupons"), ("admin-tenant", $"/admin/tenants/{tenant.Id}"),
             ("admin-plan", $"/admin/tenants/{tenant.Id}/plan"), ("admin-bank", "/admin/bank-transactions"), ("admin-ec-sales", "/admin/ec-sales-list?from=2020-01-01&to=2100-01-01")])
        {
            await window.GoAsync(path);
            Assert.Equal((path, 0), (path, await window.HorizontalOverflowAsync()));
            Assert.Equal((path, ""), (path, string.Join('\n', await window.LowContrastTextsAsync())));
            Assert.Equal(1, await window.Page.Locator("h1").CountAsync());
            await window.ScreenshotAsync($"money-{name}{(phone ? "-phone" : "")}{(dark ? "-dark" : "")}");
        }

        Assert.Empty(window.ConsoleErrors);
    }

    [Theory]
    [InlineData(10, "everything keeps working until")]
    [InlineData(80, "only local models answer")]
    [InlineData(150, "your environment is stopped until it is paid")]
    public async Task Every_page_says_what_an_unpaid_invoice_means_and_paying_it_ends_that_at_once(int hours, string text)
    {
        var (tenant, open) = await UnpaidAsync(TimeSpan.FromHours(hours));
        await using var window = await browser.OpenAsync();
        await browser.SignInAsync(window, tenant.Id);
        foreach (var path in (string[])["/app/keys", "/app/members", "/app"])
        {
            await window.GoAsync(path);
            await Assertions.Expect(window.Page.Locator(".banner")).ToContainTextAsync(text);
        }

        await window.ScreenshotAsync($"money-banner-{hours}");
        await window.Page.Locator(".banner").GetByRole(AriaRole.Link, new() { Name = "Pay now" }).ClickAsync();
        await Assertions.Expect(window.Page.Locator("h1")).ToHaveTextAsync($"Invoice {open}");
        await OutcomeAsync(tenant, "succeed");
        await window.PressAsync("Pay now");
        await Assertions.Expect(window.Page.Locator(".notice")).ToContainTextAsync("Thank you, the invoice is paid.");
        Assert.Equal(0, await window.Page.Locator(".banner").CountAsync());
    }

    [Fact]
    public async Task Who_has_the_link_of_a_mail_pays_without_signing_in_and_sees_nothing_else()
    {
        var (tenant, open) = await UnpaidAsync(TimeSpan.FromHours(10));
        var mail = (await Server.MailsAsync()).Last(mail => mail.To == $"owner@{tenant.Slug}.example" && mail.Body.Contains("/pay/", StringComparison.Ordinal));
        await OutcomeAsync(tenant, "succeed");
        await using var window = await browser.OpenAsync();
        await window.GoAsync(mail.Link("/pay/").PathAndQuery);
        await Assertions.Expect(window.Page.Locator("h1")).ToHaveTextAsync($"Invoice {open}");
        Assert.DoesNotContain(tenant.Slug, await window.Text());

        await window.PressAsync("Pay now");

        await Assertions.Expect(window.Page.Locator(".notice")).ToContainTextAsync("Thank you, the invoice is paid.");
        await Assertions.Expect(window.Page.Locator("main")).ToContainTextAsync("Nothing is open");
    }

    [Fact]
    public async Task What_the_page_of_a_plan_change_shows_is_what_is_billed()
    {
        var tenant = await Server.CreateTenantAsync("basic");
        await AddressAsync(tenant);
        await using var window = await browser.OpenAsync();
        await browser.SignInAsync(window, tenant.Id);
        await window.GoAsync("/app/plan");
        await window.Page.GetByRole(AriaRole.Link, new() { Name = "Switch to Premium" }).ClickAsync();
        var shown = await window.Page.Locator("tfoot tr:last-child td").InnerTextAsync();
        await window.PressAsync("Switch to Premium now");
        await Assertions.Expect(window.Page.Locator(".notice")).ToContainTextAsync("Your plan has changed");
        await window.GoAsync("/app/billing");
        Assert.Equal(shown, await window.Page.Locator(".stat strong").First.InnerTextAsync());

        await window.GoAsync("/app/plan/basic");
        await window.Page.GetByRole(AriaRole.Button, new() { NameRegex = new("^Switch to Basic on ") }).ClickAsync();
        await Assertions.Expect(window.Page.Locator("main .banner").Last).ToContainTextAsync("Your plan changes to Basic");
        await window.PressAsync("Undo the change");
        await Assertions.Expect(window.Page.Locator(".notice").First).ToContainTextAsync("The change was undone");

        await window.PressAsync("Cancel the plan…");
        await window.PressAsync("Cancel the plan");
        await Assertions.Expect(window.Page.Locator("main")).ToContainTextAsync("Your plan is cancelled");
        await window.ScreenshotAsync("money-plan-cancelled");
        await window.PressAsync("Keep my plan");
        await Assertions.Expect(window.Page.Locator("main")).ToContainTextAsync("Your plan continues");
        Assert.Empty(window.ConsoleErrors);
    }

    [Fact]
    public async Task Saving_a_payment_method_goes_to_the_provider_and_back_under_the_strict_content_security_policy()
    {
        var tenant = await Server.CreateTenantAsync("basic");
        await using var window = await browser.OpenAsync();
        await browser.SignInAsync(window, tenant.Id);
        await window.GoAsync("/app/billing");
        await window.PressAsync("Add a payment method");
        await Assertions.Expect(window.Page.Locator(".notice")).ToContainTextAsync("Payment method saved");
        await Assertions.Expect(window.Page.Locator("main")).ToContainTextAsync("Test card •••• 4242");
        Assert.Empty(window.ConsoleErrors);
    }

    [Fact]
    public async Task An_operator_creates_a_coupon_and_adds_goodwill_and_the_member_sees_both()
    {
        var tenant = await Server.CreateTenantAsync("basic");
        var code = Names.Random("C").ToUpperInvariant();
        await using var window = await browser.OpenAsync();
        await browser.SignInAsync(window, tenant.Id);
        await browser.SignInAsOperatorAsync(window);
        await window.GoAsync("/admin/coupons");
        await window.Page.GetByLabel("Code").FillAsync(code);
        await window.Page.GetByLabel("Percent off").FillAsync("20");
        await window.Page.GetByLabel("For how many invoices").FillAsync("3");
        await window.PressAsync("Create coupon");
        await Assertions.Expect(window.Page.Locator(".notice")).ToContainTextAsync("Coupon created");

        await window.GoAsync($"/admin/tenants/{tenant.Id}");
        await window.Page.GetByText("Goodwill or an invoice line").ClickAsync();
        await window.Page.GetByLabel("EUR before tax").FillAsync("15");
        await window.Page.GetByLabel("Text on the invoice").FillAsync("Credit for the outage of 3 March");
        await window.Page.Locator("#adjustment_reason").FillAsync("Ticket 4711");
        await window.PressAsync("Add");
        await Assertions.Expect(window.Page.Locator(".notice")).ToContainTextAsync("Added");

        await window.GoAsync("/app/plan");
        await window.Page.Locator("#coupon").FillAsync(code.ToLowerInvariant());
        await window.PressAsync("Redeem");
        await Assertions.Expect(window.Page.Locator(".notice")).ToContainTextAsync("Coupon redeemed");
        await window.Page.Locator("#coupon").FillAsync(code);
        await window.PressAsync("Redeem");
        await Assertions.Expect(window.Page.Locator("#coupon-error")).ToContainTextAsync("You have redeemed this code before");

        await window.GoAsync("/app/billing");
        await Assertions.Expect(window.Page.Locator("main")).ToContainTextAsync($"Coupon {code}: 20 % off the next 3 invoices.");
        await Assertions.Expect(window.Page.Locator("main")).ToContainTextAsync("a credit of €15.00 before tax");
    }

    [Fact]
    public async Task An_operator_records_a_part_corrects_an_invoice_and_writes_off_the_rest()
    {
        var (_, open) = await UnpaidAsync(TimeSpan.FromHours(10));
        await using var window = await browser.OpenAsync();
        await browser.SignInAsOperatorAsync(window);
        await window.GoAsync("/admin/billing");
        await window.Page.GetByRole(AriaRole.Link, new() { Name = open }).ClickAsync();
        await Assertions.Expect(window.Page.Locator("h1")).ToHaveTextAsync($"Invoice {open}");
        await window.Page.GetByText("Record a transfer").ClickAsync();
        await window.Page.GetByLabel("Amount in EUR").FillAsync("1.000,00");
        await window.Page.GetByLabel("The bank's reference").FillAsync("R-1");
        await window.PressAsync("Record");
        await Assertions.Expect(window.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("without separators of thousands");

        await window.Page.GetByText("Record a transfer").ClickAsync();
        await window.Page.GetByLabel("Amount in EUR").FillAsync("2,50");
        await window.Page.GetByLabel("The bank's reference").FillAsync("R-1");
        await window.PressAsync("Record");
        await Assertions.Expect(window.Page.Locator(".notice")).ToContainTextAsync("Payment recorded");
        await Assertions.Expect(window.Page.Locator("main")).ToContainTextAsync("transfer:R-1");

        await window.Page.GetByText("Correct or refund").ClickAsync();
        await window.Page.GetByLabel("What is taken back").SelectOptionAsync("0");
        await window.Page.GetByLabel("EUR before tax").FillAsync("1.00");
        await window.Page.Locator("#reason").FillAsync("Agreed by phone");
        await window.PressAsync("Write the correction");
        await Assertions.Expect(window.Page.Locator(".notice")).ToContainTextAsync("Correction written and mailed");
        await Assertions.Expect(window.Page.Locator("main")).ToContainTextAsync("Agreed by phone");
        await window.ScreenshotAsync("money-admin-invoice-corrected");

        await window.Page.GetByText("Write off the open amount").ClickAsync();
        await window.Page.Locator("#write-off-reason").FillAsync("Insolvent");
        await window.PressAsync("Write off");
        await Assertions.Expect(window.Page.Locator(".notice")).ToContainTextAsync("written off");
    }

    /// <summary>An entry of a statement to match, a month that was not available enough, and reverse charge without a VAT id.</summary>
    async Task FillOperatorPagesAsync(TestTenant tenant, string invoice)
    {
        var statement = $"""
            <Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt><Stmt><Acct><Id><IBAN>DE02120300000000202051</IBAN></Id></Acct><Ntry><Amt Ccy="EUR">9.90</Amt>
            <CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-04-01</Dt></BookgDt><AcctSvcrRef>{Names.Random("A")}</AcctSvcrRef><NtryDtls><TxDtls><RltdPties><Dbtr><Nm>Organization {tenant.Slug}</Nm></Dbtr>
            <DbtrAcct><Id><IBAN>DE11520513735120710131</IBAN></Id></DbtrAcct></RltdPties><RmtInf><Ustrd>Invoice of last month, thank you very much for the good cooperation</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry></Stmt></BkToCstmrStmt></Document>
            """;
        using var content = new StringContent(statement, System.Text.Encoding.UTF8, "application/xml");
        (await Server.Operator.PostAsync("/v1/admin/statements", content)).EnsureSuccessStatusCode();
        await Server.SqlAsync("insert into control.availability values ($1, '2026-03-01', 2592000, 7200, now(), true), ($1, '2026-04-01', 86400, 0, now(), true) on conflict do nothing", tenant.Id);
        await Server.SqlAsync(
            """
            insert into control.billing_review (id, tenant_id, kind, subject, detail, raised_at, proposed_eur)
            values (gen_random_uuid(), $1, 'availability', '2026-03', 'The environment was available 99.722 % of March 2026 and down for 120 minutes; its plan promises 99.9 %. Proposed: 100.00 EUR goodwill.', now(), 100)
            """, tenant.Id);
        await Server.SqlAsync(
            "insert into control.invoice_tax (invoice_id, tenant_id, ordinal, category, rate, taxable, tax) select id, tenant_id, 99, 'AE', 0, 9.90, 0 from control.invoice where number = $1", invoice);
    }

    /// <summary>A tenant whose first invoice was paid and whose second one could not be collected.</summary>
    /// <param name="later">After the end of the second period.</param>
    /// <returns>The number of the second invoice.</returns>
    async Task<(TestTenant Tenant, string Open)> UnpaidAsync(TimeSpan later)
    {
        var tenant = await Server.CreateTenantAsync("basic");
        await AddressAsync(tenant);
        var start = new DateTimeOffset(Server.Clock.GetUtcNow().Date, TimeSpan.Zero);
        await Server.ReportAsync(tenant, Deliveries.Event("one", Server.Clock.GetUtcNow(), 1_000_000, 234_567));
        await Server.MoveClockAsync(start.AddMonths(1).AddHours(10));
        await OutcomeAsync(tenant, "insufficient_funds");
        await Server.MoveClockAsync(start.AddMonths(2) + later);
        return (tenant, (await Server.ReadAsync<string>("select max(number) from control.invoice where tenant_id = $1", tenant.Id))!);
    }

    async Task OutcomeAsync(TestTenant tenant, string outcome) =>
        (await Server.Operator.PostAsJsonAsync("/v1/sandbox/payments", new { tenant_id = tenant.Id, outcome })).EnsureSuccessStatusCode();

    static async Task AddressAsync(TestTenant tenant) => (await tenant.Http.PatchAsync("/v1/organization", new StringContent(
        """{ "address": { "line1": "Hauptstraße 1", "postal_code": "10115", "city": "Berlin" } }""", Encoding.UTF8, "application/json"))).EnsureSuccessStatusCode();

    Task<Guid> IdOfAsync(string number) => Server.ReadAsync<Guid>("select id from control.invoice where number = $1", number);
}
