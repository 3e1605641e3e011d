using ControlPlane.Billing.Invoices;

namespace ControlPlane.Billing.Credits;

/// <summary>A line of an invoice, in part or whole.</summary>
/// <param name="Line">Its place on the invoice, counted from 0.</param>
/// <param name="Net">EUR; positive.</param>
public sealed record CreditedLine(int Line, decimal Net);

/// <summary>A line of a credit note: what is taken back of a line of the invoice. Negative for a discount that is taken back with it.</summary>
public sealed record CreditNoteLine(int Line, string Description, decimal Net);

/// <summary>What a credit note takes back of an invoice. Pure.</summary>
public sealed record CreditNoteAmounts(IReadOnlyList<CreditNoteLine> Lines, IReadOnlyList<InvoiceTax> Taxes)
{
    public decimal Net => Lines.Sum(line => line.Net);
    public decimal Tax => Taxes.Sum(rate => rate.Tax);
    public decimal Total => Net + Tax;

    /// <summary>All that earlier notes have left.</summary>
    /// <returns>null when nothing is left.</returns>
    public static CreditNoteAmounts? Rest(Invoice invoice, IReadOnlyList<CreditNoteAmounts> earlier) =>
        Of(invoice, earlier, [.. Left(invoice, earlier).Index().Where(line => line.Item != 0).Select(line => new CreditedLine(line.Index, line.Item))]);

    /// <returns>null when a line is not on the invoice, or less of it or of its tax rate is left.</returns>
    public static CreditNoteAmounts? Part(Invoice invoice, IReadOnlyList<CreditNoteAmounts> earlier, IReadOnlyList<CreditedLine> lines)
    {
        var left = Left(invoice, earlier);
        return lines.All(line => line.Line >= 0 && line.Line < left.Count && line.Net > 0 && line.Net == Money.ToCents(line.Net) && line.Net <= left[line.Line])
            && lines.DistinctBy(line => line.Line).Count() == lines.Count
            ? Of(invoice, earlier, lines)
            : null;
    }

    // The note that takes the rest of a rate's amount takes the rest of its tax, so that all notes together are the invoice to the cent.
    static CreditNoteAmounts? Of(Invoice invoice, IReadOnlyList<CreditNoteAmounts> earlier, IReadOnlyList<CreditedLine> lines)
    {
        var taxes = new List<InvoiceTax>();
        foreach (var rate in RatesOf(invoice))
        {
            var credited = earlier.SelectMany(note => note.Taxes).Where(tax => (tax.Category, tax.Rate) == (rate.Category, rate.Rate)).ToList();
            var (netLeft, taxLeft) = (rate.Taxable - credited.Sum(tax => tax.Taxable), rate.Tax - credited.Sum(tax => tax.Tax));
            var net = lines.Where(line => IsOf(invoice, invoice.Lines[line.Line], rate)).Sum(line => line.Net);
            if (net > netLeft || net < 0)
            {
                return null;
            }

            if (net > 0)
            {
                taxes.Add(rate with { Taxable = net, Tax = net == netLeft ? taxLeft : Math.Min(Money.ToCents(net * rate.Rate), taxLeft) });
            }
        }

        return taxes.Count == 0 ? null : new CreditNoteAmounts([.. lines.Select(line => new CreditNoteLine(line.Line, invoice.Lines[line.Line].Description, line.Net))], taxes);
    }

    static List<decimal> Left(Invoice invoice, IReadOnlyList<CreditNoteAmounts> earlier) =>
        [.. invoice.Lines.Index().Select(line => line.Item.Amount - earlier.SelectMany(note => note.Lines).Where(credited => credited.Line == line.Index).Sum(credited => credited.Net))];

    // Invoices without a breakdown have one rate: none, or that of before there were several.
    static IReadOnlyList<InvoiceTax> RatesOf(Invoice invoice) =>
        invoice.Taxes.Count > 0 ? invoice.Taxes : [new InvoiceTax(invoice.Tax == 0 ? "O" : "S", invoice.TaxRate, invoice.NetAmount, invoice.Tax, null, null)];

    static bool IsOf(Invoice invoice, InvoiceLine line, InvoiceTax rate) => invoice.Taxes.Count == 0 || (line.TaxCategory, line.TaxRate ?? 0) == (rate.Category, rate.Rate);
}

/// <summary>What a credit note does: it reduces what is open, the rest is paid back or goes to the balance.</summary>
public sealed record CreditApplication(decimal ToOpen, decimal ToRefund, decimal ToBalance)
{
    /// <param name="open">Of the invoice, before the note.</param>
    /// <param name="refundable">What the payment provider can pay back; 0: nothing was paid through it, or no refund is wanted.</param>
    public static CreditApplication Of(decimal total, decimal open, decimal refundable)
    {
        var toOpen = Math.Clamp(open, 0, total);
        var toRefund = Math.Clamp(refundable, 0, total - toOpen);
        return new CreditApplication(toOpen, toRefund, total - toOpen - toRefund);
    }
}
