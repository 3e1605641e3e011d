namespace ControlPlane.Billing.Pdf;

/// <summary>The horizontal position of a cell, in points from the page's left edge.</summary>
readonly record struct Column(double Left, double Width, bool AlignRight = false);

/// <summary>Paragraphs in one column of a row; each wraps to the column's width.</summary>
sealed record Cell(Column Column, params IReadOnlyList<(string Text, TextStyle Style)> Paragraphs)
{
    public Cell(Column column, string text, TextStyle style) : this(column, (text, style))
    {
    }

    public IEnumerable<TextLine> Lines() => Paragraphs.SelectMany(paragraph => TextWrap.Lines(paragraph.Text, paragraph.Style, Column.Width));
}

/// <summary>Fills pages from top to bottom with rows of cells, and continues on the next page when a row does not fit.</summary>
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

    /// <summary>Drawn at the top of every page that starts while it is set: the header of a table.</summary>
    public Action? RepeatedHeader { get; set; }

    public void Space(double points) => y -= points;

    public void Rule(double thickness, Ink ink, double left = Left, double right = Right) => page.Rule(left, y, right - left, thickness, ink);

    /// <summary>A code at the left, and text beside it.</summary>
    /// <param name="module">Points of one of its modules.</param>
    public void Code(QrCode code, double module, string text, TextStyle style)
    {
        const double Gap = 16;
        var side = code.Size * module;
        EnsureSpace(side);
        page.Code(Left, y, module, code, Ink.Black);
        var bottom = y - side;
        Row(new Cell(new Column(Left + side + Gap, Width - side - Gap), text, style));
        y = Math.Min(y, bottom);
    }

    /// <summary>Starts a new page unless this much space is left on the current one.</summary>
    public void EnsureSpace(double points)
    {
        if (y - points >= Bottom)
        {
            return;
        }
        page = document.AddPage();
        y = Top;
        // Cleared while it is drawn: a header taller than a page must not start another one.
        (var header, RepeatedHeader) = (RepeatedHeader, null);
        header?.Invoke();
        RepeatedHeader = header;
    }

    /// <summary>Draws one row: in one piece if it fits half a page, otherwise line by line across pages.</summary>
    public void Row(params IReadOnlyList<Cell> cells)
    {
        var columns = cells.Select(cell => (cell.Column, Lines: cell.Lines().ToList())).ToList();
        var leadings = Enumerable.Range(0, columns.Max(column => column.Lines.Count))
            .Select(row => columns.Where(column => row < column.Lines.Count).Max(column => column.Lines[row].Style.Leading)).ToList();
        if (leadings.Sum() is var height && height < (Top - Bottom) / 2)
        {
            EnsureSpace(height);
        }
        foreach (var (row, leading) in leadings.Index())
        {
            EnsureSpace(leading);
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
