using ControlPlane.Billing.Invoices;
using ControlPlane.Billing.Pdf;

namespace ControlPlane.Billing.Credits;

/// <summary>The document of a credit note. Its amounts are negative: it takes them back from the invoice.</summary>
static class CreditNoteLayout
{
    public static byte[] Pdf(CreditNote note, Invoice invoice) => InvoicePdf.Render(Of(note, invoice));

    public static InvoiceDocument Of(CreditNote note, Invoice invoice) => new()
    {
        Title = "Rechnungskorrektur (invoice correction)",
        Seller = InvoiceLayout.SellerOf(note.Seller),
        Buyer = InvoiceLayout.BuyerOf(invoice),
        Number = note.Number,
        CreatedAt = note.CreatedAt,
        PeriodStart = invoice.PeriodStart,
        PeriodEnd = invoice.PeriodEnd,
        Facts =
        [
            new DocumentFact("Corrects invoice", $"{note.InvoiceNumber} of {InvoiceText.Day(DateOnly.FromDateTime(invoice.CreatedAt.UtcDateTime))}"),
            .. note.Buyer.Reference is { } reference ? [new DocumentFact("Your reference", reference)] : (DocumentFact[])[],
        ],
        Currency = invoice.Currency,
        Lines = [.. note.Amounts.Lines.Select(line => new DocumentLine(line.Description, null, null, null, -line.Net))],
        Subtotal = -note.Amounts.Net,
        Taxes = [.. note.Amounts.Taxes.Where(tax => tax.Category == "AE" || tax.Tax != 0).Select(tax => new DocumentSum(InvoiceLayout.Label(tax.Category, tax.Rate), -tax.Tax))],
        Total = -note.Amounts.Total,
        Notes =
        [
            note.Reason,
            .. note.Amounts.Taxes.Select(tax => tax.Note).OfType<string>().Distinct(),
            .. Sentences(note.Application, invoice.Currency),
        ],
    };

    static IEnumerable<string> Sentences(CreditApplication application, string currency) =>
        from part in new[]
        {
            (application.ToOpen, "is deducted from the open amount of the invoice."), (application.ToRefund, "is paid back."), (application.ToBalance, "is credited to your balance and used for your next invoices."),
        }
        where part.Item1 > 0
        select $"{currency} {InvoiceText.Amount(part.Item1)} {part.Item2}";
}
