using ControlPlane.Accounts.Tenants;
using ControlPlane.Billing.Pdf;

namespace ControlPlane.Billing.Invoices;

/// <summary>Maps an invoice to the contents of its PDF.</summary>
public static class InvoiceLayout
{
    public static InvoiceDocument Of(Invoice invoice) => new()
    {
        Seller = new DocumentSeller(invoice.Seller.Name, invoice.Seller.Address, invoice.Seller.VatId, invoice.Seller.Email),
        Buyer = new DocumentBuyer(invoice.Buyer.Organization, [], Countries.NameOf(invoice.Buyer.Country), invoice.Buyer.VatId),
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

    static DocumentLine Line(InvoiceLine line) => line.Kind switch
    {
        LineKind.Base => new DocumentLine(line.Description, line.Quantity, "month", line.UnitPrice, line.Amount),
        // The rate is per 1,000 tokens, so the quantity is shown in thousands, exactly.
        _ => new DocumentLine(line.Description, line.Quantity / 1000m, "1,000 tokens", line.UnitPrice, line.Amount),
    };
}
