namespace ControlPlane.Billing.Pdf;

/// <summary>A colour: red, green and blue from 0 to 1, as PDF writes them.</summary>
readonly record struct Ink(string Values)
{
    public static readonly Ink Black = new("0.07 0.09 0.15");
    public static readonly Ink Grey = new("0.42 0.45 0.5");
    public static readonly Ink Pale = new("0.88 0.89 0.91");
    public static readonly Ink Accent = FromHex(BrandColor.Accent);

    /// <param name="color">For example <c>#0b6a60</c>.</param>
    static Ink FromHex(string color) => new(string.Join(' ', Convert.FromHexString(color[1..]).Select(part => PdfFile.Number(part / 255.0))));
}

/// <param name="Size">Points.</param>
sealed record TextStyle(TrueTypeFont Font, double Size, Ink Ink, bool TabularFigures = false)
{
    public static readonly TextStyle Letterhead = new(Inter.Bold, 13, Ink.Black);
    public static readonly TextStyle Title = new(Inter.Bold, 24, Ink.Black);
    public static readonly TextStyle Label = new(Inter.Regular, 8, Ink.Grey);
    public static readonly TextStyle Body = new(Inter.Regular, 9, Ink.Black);
    public static readonly TextStyle Strong = new(Inter.Bold, 9, Ink.Black);
    public static readonly TextStyle Quiet = new(Inter.Regular, 8.5, Ink.Grey);
    public static readonly TextStyle Figures = Body with { TabularFigures = true };
    public static readonly TextStyle Total = new(Inter.Bold, 12, Ink.Black, TabularFigures: true);

    /// <summary>From one baseline to the next, in points.</summary>
    public double Leading => Size * 1.5;

    /// <returns>Points.</returns>
    public double WidthOf(string text) => TextLine.Of(text, this).Width;
}
