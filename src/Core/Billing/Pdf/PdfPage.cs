using System.Text;
using static ControlPlane.Billing.Pdf.PdfFile;

namespace ControlPlane.Billing.Pdf;

/// <summary>The content of one page. Source of the operators: ISO 32000-1, annex A.</summary>
sealed class PdfPage(Func<TrueTypeFont, (string Name, PdfFont Font)> fontFor)
{
    readonly StringBuilder content = new();

    public string Content => content.ToString();

    /// <param name="x">The line's left end.</param>
    /// <param name="y">Its baseline.</param>
    public void Text(double x, double y, TextLine line)
    {
        if (line.Runs.Count == 0)
        {
            return;
        }

        var size = line.Style.Size;
        content.Append($"BT {line.Style.Ink.Values} rg");
        var (lineX, pen) = (0.0, double.NaN);
        foreach (var run in line.Runs)
        {
            var (name, font) = fontFor(run.Font);
            content.Append($" /{name} {Number(size)} Tf ");
            if (double.IsNaN(pen))
            {
                content.Append($"{Number(x + run.X)} {Number(y)} Td ");
                lineX = run.X;
            }
            else if (Math.Abs(run.X - pen) > 0.0005)
            {
                // In text from right to left the next run is not where this one ended.
                content.Append($"{Number(run.X - lineX)} 0 Td ");
                lineX = run.X;
            }

            content.Append(font.Show(run.Glyphs, size));
            pen = run.X + run.Width(size);
        }

        content.Append(" ET\n");
    }

    /// <summary>One path, so that no gaps show between its modules.</summary>
    /// <param name="x">Left end.</param>
    /// <param name="top">Upper end.</param>
    /// <param name="module">Points of one module.</param>
    public void Code(double x, double top, double module, QrCode code, Ink ink)
    {
        content.Append($"{ink.Values} rg");
        foreach (var run in code.Runs)
        {
            content.Append($" {Number(x + run.X * module)} {Number(top - (run.Y + 1) * module)} {Number(run.Width * module)} {Number(module)} re");
        }

        content.Append(" f\n");
    }

    public void Rule(double x, double y, double width, double thickness, Ink ink) =>
        content.Append($"{ink.Values} rg {Number(x)} {Number(y)} {Number(width)} {Number(thickness)} re f\n");
}
