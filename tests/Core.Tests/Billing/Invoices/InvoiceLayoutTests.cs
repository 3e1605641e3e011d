using ControlPlane.Billing.Pdf;
using ControlPlane.Tests.Billing.Pdf;

namespace ControlPlane.Tests.Billing.Invoices;

public class InvoiceLayoutTests
{
    static readonly Seller Complete = Bills.German with
    {
        Name = "CFS LLM Platform GmbH",
        VatId = "DE123456788",
        Street = "Musterstraße 12",
        PostalCode = "80686",
        City = "München",
        TaxNumber = "143/123/12345",
        Register = "Amtsgericht München, HRB 12345",
        Phone = "+49 89 123456",
        Iban = "DE89370400440532013000",
        Bic = "COBADEFFXXX",
        Bank = "Commerzbank",
    };

    static readonly Buyer Acme = new("Acme GmbH", "DE", "DE123456788")
    {
        AddressLine1 = "Hauptstraße 1",
        AddressLine2 = "Hinterhaus",
        PostalCode = "10115",
        City = "Berlin",
        Reference = "04011000-12345-34",
    };

    static Invoice Invoice(InvoiceFacts facts) => InvoiceDraft.Of(facts).Invoice with { Number = "INV-000042", DueAt = facts.IssuedAt.AddDays(14) };

    [Fact]
    public void An_invoice_says_who_owes_whom_and_how_and_until_when_to_pay()
    {
        var text = Text(InvoiceLayout.Of(Invoice(Bills.Facts(Complete) with { Buyer = Acme }), 14.58m, isCharged: false));

        Assert.All(
            (string[])
            [
                "Musterstraße 12 · 80686 München · Germany", "VAT ID DE123456788 · Tax number 143/123/12345 · Amtsgericht München, HRB 12345", "+49 89 123456 · billing@example.com",
                "Hauptstraße 1", "Hinterhaus", "10115 Berlin", "Due date\n15 April 2026", "Your reference\n04011000-12345-34", "VAT 19 %", "EUR 14.58",
                "Please transfer EUR 14.58 by 15 April 2026 to CFS LLM Platform GmbH, IBAN DE89 3704 0044 0532 0130 00,",
            ],
            expected => Assert.Contains(expected, text, StringComparison.Ordinal));
    }

    [Fact]
    public void Each_rate_has_its_line_and_what_is_settled_already_is_taken_off()
    {
        var facts = Bills.Facts(Complete with { TaxPercent = null }) with
        {
            Buyer = Acme,
            Balance = 5,
            Adjustments = [new Adjustment(Bills.NewId(), AdjustmentKind.Manual, "Handbook", 10, "reduced")],
        };
        var document = InvoiceLayout.Of(Invoice(facts), 20.28m, isCharged: true);

        Assert.Equal([("VAT 19 %", 2.33m), ("VAT 7 %", 0.70m)], document.Taxes.Select(tax => (tax.Label, tax.Amount)));
        Assert.Equal([("From your balance", -5m), ("Amount due", 20.28m)], document.Settled.Select(sum => (sum.Label, sum.Amount)));
        Assert.Equal("EUR 20.28 will be charged to your payment method on 15 April 2026.", document.Notes[^1]);
        Assert.Equal((null, null), (document.Lines[^1].Quantity, document.Lines[^1].UnitPrice));
    }

    [Fact]
    public void Where_the_supply_is_not_taxable_no_VAT_id_of_the_buyer_is_printed_and_the_reason_is()
    {
        var text = Text(InvoiceLayout.Of(Invoice(Bills.Facts(Complete) with { Buyer = new Buyer("Acme AG", "CH", "CHE123456789MWST") }), 12.25m, isCharged: false));

        Assert.DoesNotContain("CHE123456789MWST", text, StringComparison.Ordinal);
        Assert.Contains("Not taxable in Germany", text, StringComparison.Ordinal);
    }

    [Fact]
    public void The_lines_of_the_older_setting_are_printed_where_there_is_no_structured_address() =>
        Assert.Equal(["Street 1", "12345 City"], InvoiceLayout.SellerOf(Bills.German with { Address = ["Street 1", "12345 City"] }).AddressLines);

    [Fact]
    public void Too_little_to_collect_is_said_to_be_carried_over_and_nothing_to_pay_to_be_nothing()
    {
        Assert.Equal(
            "There is nothing to pay.",
            InvoiceLayout.Of(Invoice(Bills.Facts(Complete) with { Coupons = [new RedeemedCoupon("ALL", 100, null)] }), 0, isCharged: false).Notes[^1]);
        var little = InvoiceLayout.Of(Invoice(Bills.Facts(Complete) with { Coupons = [new RedeemedCoupon("MOST", 97, null)] }), 0, isCharged: false);
        Assert.Equal("EUR 0.44 is too small to be charged now.", little.Notes[^1]);
        Assert.Equal([("Amount due", 0m)], little.Settled.Select(sum => (sum.Label, sum.Amount)));
    }

    [Fact]
    public void Only_what_is_to_be_transferred_has_a_payment_code()
    {
        var invoice = Invoice(Bills.Facts(Complete) with { Buyer = Acme });
        Assert.Equal(EpcCode.Of(Complete.Name, Complete.Iban!, Complete.Bic, 14.58m, invoice.Number), InvoiceLayout.Of(invoice, 14.58m, isCharged: false).PaymentCode);
        Assert.Null(InvoiceLayout.Of(invoice, 14.58m, isCharged: true).PaymentCode);
        Assert.Null(InvoiceLayout.Of(invoice, 0, isCharged: false).PaymentCode);
    }

    static string Text(InvoiceDocument document) => new PdfReader(InvoicePdf.Render(document)).AllText;
}
