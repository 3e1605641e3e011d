namespace ControlPlane.Billing.Pdf;

/// <summary>An invoice as a PDF: letterhead, addressee and dates, lines, totals, notes.</summary>
public static class InvoicePdf
{
    const double Middle = PageFlow.Left + PageFlow.Width / 2;
    static readonly Column Full = new(PageFlow.Left, PageFlow.Width);
    static readonly Column Addressee = new(PageFlow.Left, Middle - PageFlow.Left - 20);
    static readonly Column DateLabels = new(Middle, 64);
    static readonly Column Dates = new(Middle + 64, PageFlow.Right - Middle - 64);

    /// <returns>The file. The same invoice gives the same bytes on every machine.</returns>
    public static byte[] Render(InvoiceDocument invoice)
    {
        var document = new PdfDocument();
        var flow = new PageFlow(document);
        DrawHeader(flow, invoice);
        InvoiceTable.Draw(flow, invoice);
        DrawTotals(flow, invoice);
        DrawNotes(flow, invoice);
        DrawCode(flow, invoice);
        DrawFooters(document, invoice);
        return document.Save($"{invoice.Title} {invoice.Number}", invoice.Seller.Name, invoice.CreatedAt);
    }

    static void DrawHeader(PageFlow flow, InvoiceDocument invoice)
    {
        var (seller, buyer) = (invoice.Seller, invoice.Buyer);
        // One that wraps gets a row of its own, so that it does not shift the labels below it.
        var beside = invoice.Facts.Where(fact => TextStyle.Body.WidthOf(fact.Value) <= Dates.Width && TextStyle.Label.WidthOf(fact.Name) <= DateLabels.Width).ToList();
        flow.Rule(3, Ink.Accent, right: PageFlow.Left + 36);
        flow.Space(12);
        flow.Row(new Cell(Full, seller.Name, TextStyle.Letterhead));
        flow.Row(new Cell(Full, [Quiet(Joined(seller.AddressLines)), .. Particulars(seller).Select(Quiet)]));
        flow.Space(44);
        flow.Row(new Cell(Full, $"{invoice.Title} {invoice.Number}", TextStyle.Title));
        flow.Space(18);
        flow.Row(
            new Cell(Addressee,
            [
                ("Billed to", TextStyle.Label),
                (buyer.Name, TextStyle.Strong),
                .. buyer.AddressLines.Concat([buyer.Country, VatId(buyer.VatId)]).OfType<string>().Select(Body),
            ]),
            new Cell(DateLabels, [(invoice.DateLabel, TextStyle.Label), .. Period(("Billing period", TextStyle.Label)), .. beside.Select(fact => (fact.Name, TextStyle.Label))]),
            new Cell(Dates,
            [
                Body(InvoiceText.Day(DateOnly.FromDateTime(invoice.CreatedAt.UtcDateTime))),
                .. Period(Body(InvoiceText.Period(invoice.PeriodStart, invoice.PeriodEnd))),
                .. beside.Select(fact => Body(fact.Value)),
            ]));
        foreach (var fact in invoice.Facts.Except(beside))
        {
            flow.Row(new Cell(DateLabels, fact.Name, TextStyle.Label), new Cell(Dates, fact.Value, TextStyle.Body));
        }

        flow.Space(32);

        IEnumerable<(string, TextStyle)> Period((string, TextStyle) text) => invoice.HasPeriod ? [text] : [];
    }

    static void DrawTotals(PageFlow flow, InvoiceDocument invoice)
    {
        var total = $"{invoice.Currency} {InvoiceText.Amount(invoice.Total)}";
        var width = Math.Min(Math.Max(TextStyle.Total.WidthOf(total) + 0.01, 110), PageFlow.Width - 120);
        var amounts = new Column(PageFlow.Right - width, width, AlignRight: true);
        var labels = new Column(Math.Min(Middle, amounts.Left - 120), Math.Max(amounts.Left - Middle, 120) - 8);

        // Space for the totals and about two lines of each note: a note alone on the last page would look like a mistake.
        flow.EnsureSpace(Math.Min(130 + 18 * (invoice.Settled.Count + Math.Max(0, invoice.Taxes.Count - 1)) + 32 * invoice.Notes.Count, 400));
        flow.Space(4);
        if (invoice.Subtotal is { } subtotal)
        {
            flow.Row(new Cell(labels, "Subtotal", TextStyle.Body), new Cell(amounts, InvoiceText.Amount(subtotal), TextStyle.Figures));
        }

        foreach (var tax in invoice.Taxes)
        {
            flow.Space(3);
            flow.Row(new Cell(labels, tax.Label, TextStyle.Body), new Cell(amounts, InvoiceText.Amount(tax.Amount), TextStyle.Figures));
        }

        flow.Space(6);
        flow.Rule(0.8, Ink.Black, left: labels.Left);
        flow.Space(6);
        flow.Row(new Cell(labels, invoice.TotalLabel, TextStyle.Total), new Cell(amounts, total, TextStyle.Total));
        foreach (var sum in invoice.Settled)
        {
            flow.Space(3);
            flow.Row(new Cell(labels, sum.Label, TextStyle.Body), new Cell(amounts, InvoiceText.Amount(sum.Amount), TextStyle.Figures));
        }
    }

    static void DrawNotes(PageFlow flow, InvoiceDocument invoice)
    {
        flow.Space(36);
        foreach (var note in invoice.Notes)
        {
            flow.Row(new Cell(Full, note, TextStyle.Quiet));
            flow.Space(5);
        }
    }

    static void DrawCode(PageFlow flow, InvoiceDocument invoice)
    {
        // The longest payment code has 69 modules, which printers and cameras resolve at this size.
        const double Module = 1.6;
        if (invoice.PaymentCode is { } text)
        {
            flow.Space(10);
            flow.Code(QrCode.Of(text), Module, "Scan the code with your banking app: it fills in the transfer.", TextStyle.Quiet);
        }
    }

    /// <summary>Drawn last, when the number of pages is known.</summary>
    static void DrawFooters(PdfDocument document, InvoiceDocument invoice)
    {
        const double Baseline = 42;
        foreach (var (index, page) in document.Pages.Index())
        {
            var number = TextLine.Of($"Page {index + 1} of {document.Pages.Count}", TextStyle.Label);
            var name = TextWrap.Lines($"{invoice.Title} {invoice.Number} · {Isolated(invoice.Seller.Name)}", TextStyle.Label, PageFlow.Width - 100).First();
            page.Rule(PageFlow.Left, Baseline + 14, PageFlow.Width, 0.5, Ink.Pale);
            page.Text(PageFlow.Left, Baseline, name);
            page.Text(PageFlow.Right - number.Width, Baseline, number);
        }
    }

    static IEnumerable<string> Particulars(DocumentSeller seller) => seller is { Registrations: [], Contacts: [] }
        ? [Joined([VatId(seller.VatId), seller.Email])]
        : ((string[])[Joined([VatId(seller.VatId), .. seller.Registrations]), Joined([.. seller.Contacts, seller.Email])]).Where(line => line.Length > 0);

    static string? VatId(string? vatId) => string.IsNullOrEmpty(vatId) ? null : $"VAT ID {vatId}";

    static string Joined(IEnumerable<string?> parts) => string.Join(" · ", parts.Where(part => !string.IsNullOrEmpty(part)).Select(part => Isolated(part!)));

    /// <summary>Keeps the direction of a name or an address from reordering the text around it: first strong isolate (UAX #9).</summary>
    static string Isolated(string text) => $"\u2068{text}\u2069";

    static (string, TextStyle) Body(string text) => (text, TextStyle.Body);

    static (string, TextStyle) Quiet(string text) => (text, TextStyle.Quiet);
}
