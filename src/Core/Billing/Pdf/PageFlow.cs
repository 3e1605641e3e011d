namespace ControlPlane.Billing.Pdf;

/// <summary>Where a cell stands on the page, in points from its left edge.</summary>
readonly record struct Column(double Left, double Width, bool AlignRight = false);

/// <summary>Paragraphs in one column of a row; each wraps to the column's width.</summary>
sealed record Cell(Column Column, params IReadOnlyList<(string Text, TextStyle Style)> Paragraphs)
{
    public Cell(Column column, string text, TextStyle style) : this(column, (text, style))
    {
    }

    public IEnumerable<TextLine> Lines() => Paragraphs.SelectMany(paragraph => TextWrap.Lines(paragraph.Text, paragraph.Style, Column.Width));
}

/// <summary>Fills pages from top to bottom with rows of cells, and goes to the next page where a row no longer fits.</summary>
sealed class PageFlow
{
    public const double Left = 56;
    public const double Right = PdfDocument.Width - 56;
    public const double Width = Right - Left;
    const double Top = PdfDocument.Height - 56;
    const double Bottom = 72;

    readonly PdfDocument document;
    PdfPage page;
    double y = Top;

    public PageFlow(PdfDocument document)
    {
        this.document = document;
        page = document.AddPage();
    }

    /// <summary>Drawn at the top of every page that starts while it is set: the head of a table.</summary>
    public Action? Repeated { get; set; }

    public void Space(double points) => y -= points;

    public void Rule(double thickness, Ink ink, double left = Left, double right = Right) => page.Rule(left, y, right - left, thickness, ink);

    /// <summary>Starts a new page unless this much is free on the current one.</summary>
    public void Need(double points)
    {
        if (y - points >= Bottom)
        {
            return;
        }
        page = document.AddPage();
        y = Top;
        // Not while it is being drawn itself: a head taller than a page goes on without another head.
        (var head, Repeated) = (Repeated, null);
        head?.Invoke();
        Repeated = head;
    }

    /// <summary>One row: stays together if a page can hold it, otherwise goes on line by line on the next.</summary>
    public void Row(params IReadOnlyList<Cell> cells)
    {
        var columns = cells.Select(cell => (cell.Column, Lines: cell.Lines().ToList())).ToList();
        var leadings = Enumerable.Range(0, columns.Max(column => column.Lines.Count))
            .Select(row => columns.Where(column => row < column.Lines.Count).Max(column => column.Lines[row].Style.Leading)).ToList();
        if (leadings.Sum() is var height && height < (Top - Bottom) / 2)
        {
            Need(height);
        }
        foreach (var (row, leading) in leadings.Index())
        {
            Need(leading);
            y -= leading;
            foreach (var (column, lines) in columns.Where(column => row < column.Lines.Count))
            {
                var line = lines[row];
                var x = column.AlignRight ? column.Left + column.Width - line.Width : column.Left;
                // A third of the leading is below the baseline, so a line is in the middle of its strip.
                page.Text(x, y + leading / 3, line);
            }
        }
    }
}
