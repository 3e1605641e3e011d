namespace ControlPlane.Billing.Pdf;

/// <summary>Glyphs of one font, from left to right.</summary>
/// <param name="X">Points from the line's left end.</param>
sealed record TextRun(TrueTypeFont Font, IReadOnlyList<Glyph> Glyphs, double X = 0)
{
    /// <returns>Points.</returns>
    public double Width(double size) => Glyphs.Sum(glyph => (long)glyph.Advance) * size / Font.UnitsPerEm;
}

/// <summary>One line of text. Its runs are in reading order, as some readers copy them in the order in which they are drawn.</summary>
/// <param name="Width">Points.</param>
sealed record TextLine(IReadOnlyList<TextRun> Runs, TextStyle Style, double Width)
{
    /// <summary>A text without line ends, however long.</summary>
    public static TextLine Of(string text, TextStyle style) => new Paragraph(text, style).Line(0, text.Length);
}
