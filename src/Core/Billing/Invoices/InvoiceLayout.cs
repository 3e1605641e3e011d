using ControlPlane.Accounts.Tenants;
using ControlPlane.Billing.Pdf;

namespace ControlPlane.Billing.Invoices;

/// <summary>What the PDF of an invoice shows.</summary>
public static class InvoiceLayout
{
    public static InvoiceDocument Of(Invoice invoice) => new()
    {
        Seller = new Pdf.Seller(invoice.Seller.Name, invoice.Seller.Address, invoice.Seller.VatId, invoice.Seller.Email),
        Buyer = new Pdf.Buyer(invoice.Buyer.Organization, [], Countries.NameOf(invoice.Buyer.Country), invoice.Buyer.VatId),
        Number = invoice.Number,
        CreatedAt = invoice.CreatedAt,
        PeriodStart = invoice.PeriodStart,
        PeriodEnd = invoice.PeriodEnd,
        Currency = invoice.Currency,
        Lines = invoice.Lines.Select(Line).ToList(),
        Subtotal = invoice.NetAmount,
        TaxLabel = invoice.TaxLabel,
        TaxAmount = invoice.Tax,
        Total = invoice.TotalAmount,
        Notes = invoice.Notes,
    };

    static Pdf.InvoiceLine Line(InvoiceLine line) => line.Kind switch
    {
        LineKind.Base => new Pdf.InvoiceLine(line.Description, line.Quantity, "month", line.UnitPrice, line.Amount),
        // The rate is per 1,000 tokens; the quantity is shown in them, exactly.
        _ => new Pdf.InvoiceLine(line.Description, line.Quantity / 1000m, "1,000 tokens", line.UnitPrice, line.Amount),
    };
}
