using System.Text;
using static ControlPlane.Billing.Pdf.PdfFile;

namespace ControlPlane.Billing.Pdf;

/// <summary>Writes the operators that show glyphs of one font: Tj where each follows the one before, TJ and Ts where shaping moved some. Source: ISO 32000-1, 9.4.3.</summary>
/// <param name="size">Points.</param>
sealed class ShownText(int unitsPerEm, double size)
{
    readonly StringBuilder operators = new();
    readonly StringBuilder array = new();
    readonly StringBuilder codes = new();
    int adjustment;
    int rise;
    bool isAdjusted;
    bool hasAlternative;

    /// <param name="text">What readers copy instead of the glyphs' own texts; null: those.</param>
    public void Begin(string? text)
    {
        if (text is not null)
        {
            Flush();
            operators.Append($"/Span <</ActualText {Text(text)}>> BDC ");
            hasAlternative = true;
        }
    }

    public void Add(string code, Glyph glyph, int ownAdvance)
    {
        if (glyph.Y != rise)
        {
            Flush();
            rise = glyph.Y;
            operators.Append($"{Number(size * rise / unitsPerEm)} Ts ");
        }

        Move(glyph.X);
        codes.Append(code);
        Move(glyph.Advance - ownAdvance - glyph.X);
    }

    public void End()
    {
        if (hasAlternative)
        {
            Flush();
            operators.Append("EMC ");
            hasAlternative = false;
        }
    }

    public override string ToString()
    {
        Flush();
        return (rise == 0 ? operators : operators.Append("0 Ts ")).ToString().TrimEnd();
    }

    /// <summary>To the right, in font units.</summary>
    void Move(int units)
    {
        if (units != 0)
        {
            EndString();
            adjustment -= units;
        }
    }

    void EndString()
    {
        if (codes.Length > 0)
        {
            EndAdjustment();
            array.Append($"<{codes}>");
            codes.Clear();
        }
    }

    void EndAdjustment()
    {
        if (adjustment != 0)
        {
            array.Append($" {Number(1000.0 * adjustment / unitsPerEm)} ");
            adjustment = 0;
            isAdjusted = true;
        }
    }

    void Flush()
    {
        EndString();
        EndAdjustment();
        if (array.Length > 0)
        {
            operators.Append(isAdjusted ? $"[{array}] TJ " : $"{array} Tj ");
            array.Clear();
            isAdjusted = false;
        }
    }
}
