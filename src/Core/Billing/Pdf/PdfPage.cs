using System.Text;
using static ControlPlane.Billing.Pdf.PdfFile;

namespace ControlPlane.Billing.Pdf;

/// <summary>What is drawn on one page. Source of the operators: ISO 32000-1, annex A.</summary>
sealed class PdfPage(Func<TrueTypeFont, (string Name, PdfFont Font)> fontFor)
{
    readonly StringBuilder content = new();

    public string Content => content.ToString();

    /// <param name="x">The text's left end.</param>
    /// <param name="y">Its baseline.</param>
    public void Text(double x, double y, string text, TextStyle style)
    {
        if (text.Length > 0)
        {
            var (name, font) = fontFor(style.Font);
            content.Append($"BT {style.Ink.Values} rg /{name} {Number(style.Size)} Tf {Number(x)} {Number(y)} Td {font.Encode(text, style.TabularFigures)} Tj ET\n");
        }
    }

    public void Rule(double x, double y, double width, double thickness, Ink ink) =>
        content.Append($"{ink.Values} rg {Number(x)} {Number(y)} {Number(width)} {Number(thickness)} re f\n");
}
