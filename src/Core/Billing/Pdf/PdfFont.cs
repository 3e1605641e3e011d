using System.Security.Cryptography;
using System.Text;

namespace ControlPlane.Billing.Pdf;

/// <summary>
/// One font of one document: hands out a code per character drawn, then embeds just those glyphs. Source: ISO 32000-1, 9.7.
/// A code stands for a glyph and its character together, so a character the font lacks is drawn as the "missing glyph" box and still copied right.
/// </summary>
sealed class PdfFont(TrueTypeFont font)
{
    // Code 0 is the box itself; every font has to keep it there.
    readonly List<(int Glyph, Rune? Character)> codes = [(0, null)];
    readonly Dictionary<(int Glyph, Rune Character), int> codeOf = [];

    /// <returns>The text as a hexadecimal PDF string of two-byte codes.</returns>
    public string Encode(string text, bool tabularFigures)
    {
        var hex = new StringBuilder("<");
        foreach (var rune in text.EnumerateRunes())
        {
            var key = (font.GlyphFor(rune, tabularFigures), rune);
            if (!codeOf.TryGetValue(key, out var code))
            {
                codeOf[key] = code = codes.Count;
                codes.Add(key);
            }
            hex.Append(Hex(code));
        }
        return hex.Append('>').ToString();
    }

    /// <returns>The number of the font's object.</returns>
    public int WriteTo(PdfFile file)
    {
        var subset = GlyphSubset.Of(font, [.. codes.Select(code => code.Glyph)]);
        var name = $"{Tag(subset)}+{font.Name}";
        var program = file.AddStream(subset, $"/Length1 {subset.Length} ");
        // Flags 4: characters beyond the standard Latin set. StemV is no part of a TrueType file; these are usual values.
        var descriptor = file.Add(
            $"<< /Type /FontDescriptor /FontName /{name} /Flags 4 /FontBBox [{string.Join(' ', font.Box.Select(PerThousand))}] /ItalicAngle 0 "
            + $"/Ascent {PerThousand(font.Ascent)} /Descent {PerThousand(font.Descent)} /CapHeight {PerThousand(font.CapHeight)} "
            + $"/StemV {(font.Name.EndsWith("Bold", StringComparison.Ordinal) ? 140 : 80)} /FontFile2 {program} 0 R >>");
        var widths = string.Join(' ', codes.Select(code => PerThousand(font.AdvanceOf(code.Glyph))));
        var descendant = file.Add(
            $"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /{name} /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> "
            + $"/FontDescriptor {descriptor} 0 R /CIDToGIDMap /Identity /W [0 [{widths}]] >>");
        var toUnicode = file.AddStream(Encoding.ASCII.GetBytes(ToUnicode()));
        return file.Add(
            $"<< /Type /Font /Subtype /Type0 /BaseFont /{name} /Encoding /Identity-H /DescendantFonts [{descendant} 0 R] /ToUnicode {toUnicode} 0 R >>");
    }

    string ToUnicode()
    {
        const int MostPerBlock = 100;
        var map = new StringBuilder("""
            /CIDInit /ProcSet findresource begin
            12 dict begin
            begincmap
            /CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
            /CMapName /Adobe-Identity-UCS def
            /CMapType 2 def
            1 begincodespacerange
            <0000> <FFFF>
            endcodespacerange

            """.ReplaceLineEndings("\n"));
        foreach (var block in codes.Index().Skip(1).Chunk(MostPerBlock))
        {
            map.Append($"{block.Length} beginbfchar\n");
            foreach (var (code, (_, character)) in block)
            {
                map.Append($"<{Hex(code)}> <{Convert.ToHexString(Encoding.BigEndianUnicode.GetBytes(character.ToString()!))}>\n");
            }
            map.Append("endbfchar\n");
        }
        return map.Append("endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n").ToString();
    }

    /// <summary>Six letters that tell this subset of the font from others. Source: ISO 32000-1, 9.6.4.</summary>
    static string Tag(byte[] subset) => string.Concat(SHA256.HashData(subset).Take(6).Select(value => (char)('A' + value % 26)));

    string PerThousand(int fontUnits) => PdfFile.Number(1000.0 * fontUnits / font.UnitsPerEm);

    static string Hex(int code) => code.ToString("X4", System.Globalization.CultureInfo.InvariantCulture);
}
