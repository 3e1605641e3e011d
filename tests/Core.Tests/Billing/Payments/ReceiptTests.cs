using ControlPlane.Billing.Pdf;
using ControlPlane.Tests.Billing.Invoices;
using ControlPlane.Tests.Billing.Pdf;

namespace ControlPlane.Tests.Billing.Payments;

public class ReceiptTests
{
    static readonly DateTimeOffset Day = new(2026, 4, 3, 0, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("transfer:4711", null, "Bank transfer", "4711")]
    [InlineData("bank:DE02120300000000202051:2026040300001#1", null, "Bank transfer", "2026040300001#1")]
    [InlineData("bank:DE02120300000000202051:sha256:AB12", null, "Bank transfer", null)]
    [InlineData("ch_1", "Visa •••• 4242", "Visa •••• 4242", "ch_1")]
    [InlineData("ch_1", null, "Card or bank debit", "ch_1")]
    [InlineData("before release", null, "Card or bank debit", null)]
    public void A_payment_says_how_it_came(string source, string? label, string method, string? reference) =>
        Assert.Equal(new ReceivedPayment(Day, 5, method, reference), ReceivedPayment.Of(Day, 5, "payment", source, label));

    [Fact]
    public void The_receipt_names_invoice_amount_day_method_and_reference_and_shows_no_tax()
    {
        var invoice = InvoiceDraft.Of(Bills.Facts(Bills.German)).Invoice with { Number = "INV-000012" };
        var text = new PdfReader(InvoicePdf.Render(Receipts.Document(
            invoice, [ReceivedPayment.Of(Day, 10, "payment", "transfer:4711", null), ReceivedPayment.Of(Day.AddDays(2), 4.58m, "payment", "ch_1", "Visa •••• 4242")]))).AllText;
        Assert.All(
            (string[])
            [
                "Zahlungsbeleg (receipt) for invoice INV-000012", "Paid on", "5 April 2026", "Bank transfer, 3 April 2026, reference 4711", "Visa •••• 4242, 5 April 2026, reference ch_1",
                "Received", "EUR 14.58", "This is a receipt and no invoice",
            ],
            expected => Assert.Contains(expected, text, StringComparison.Ordinal));
        Assert.DoesNotContain("VAT 19 %", text, StringComparison.Ordinal);
        Assert.DoesNotContain("Subtotal", text, StringComparison.Ordinal);
    }

    [Fact]
    public void What_was_paid_back_is_taken_off() => Assert.Equal(
        5m, Receipts.Document(
            InvoiceDraft.Of(Bills.Facts(Bills.German)).Invoice,
            [ReceivedPayment.Of(Day, 10, "payment", "transfer:1", null), ReceivedPayment.Of(Day, -5, "refund", "re_1", null)]).Total);
}
