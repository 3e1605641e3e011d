namespace ControlPlane.Billing.Pdf;

/// <summary>The lines of an invoice, under a header that every page repeats.</summary>
static class InvoiceTable
{
    const double Gap = 14;
    const double MaxNumberWidth = 118;

    public static void Draw(PageFlow flow, InvoiceDocument invoice)
    {
        var headers = ("Description", "Quantity", "Unit price", $"Amount ({invoice.Currency})");
        var rows = invoice.Lines.Select(line => (
            line.Description,
            Quantity: InvoiceText.Quantity(line.Quantity, line.Unit),
            Price: line.UnitPrice is { } price ? InvoiceText.Amount(price) : "",
            Amount: InvoiceText.Amount(line.Amount))).ToList();

        // Number columns get the width they need, from the right; the description gets the rest.
        var amount = NumberColumn(PageFlow.Right, rows.Select(row => row.Amount), headers.Item4);
        var price = NumberColumn(amount.Left - Gap, rows.Select(row => row.Price), headers.Item3);
        var quantity = NumberColumn(price.Left - Gap, rows.Select(row => row.Quantity), headers.Item2);
        var description = new Column(PageFlow.Left, quantity.Left - Gap - PageFlow.Left);

        void DrawHeader()
        {
            flow.Row(
                new Cell(description, headers.Item1, TextStyle.Label),
                new Cell(quantity, headers.Item2, TextStyle.Label),
                new Cell(price, headers.Item3, TextStyle.Label),
                new Cell(amount, headers.Item4, TextStyle.Label));
            flow.Space(5);
            flow.Rule(0.8, Ink.Black);
            flow.Space(5);
        }

        flow.EnsureSpace(80);
        DrawHeader();
        flow.RepeatedHeader = DrawHeader;
        foreach (var row in rows)
        {
            flow.Row(
                new Cell(description, row.Description, TextStyle.Body),
                new Cell(quantity, row.Quantity, TextStyle.Figures),
                new Cell(price, row.Price, TextStyle.Figures),
                new Cell(amount, row.Amount, TextStyle.Figures));
            flow.Space(5);
            flow.Rule(0.5, Ink.Pale);
            flow.Space(5);
        }
        flow.RepeatedHeader = null;
    }

    static Column NumberColumn(double right, IEnumerable<string> texts, string header)
    {
        var widest = texts.Select(TextStyle.Figures.WidthOf).Append(TextStyle.Label.WidthOf(header)).Max();
        // Slightly wider than the text, so that rounding never wraps it.
        var width = Math.Min(widest + 0.01, MaxNumberWidth);
        return new Column(right - width, width, AlignRight: true);
    }
}
