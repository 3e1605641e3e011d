using System.Security.Cryptography;
using System.Text;

namespace ControlPlane.Billing.Pdf;

/// <summary>
/// One font of one document: hands out a code per glyph drawn, then embeds just those glyphs. Source: ISO 32000-1, 9.7.
/// A code stands for a glyph and its text together, so a character that no font has is drawn as a box and still copied right.
/// </summary>
sealed class PdfFont(TrueTypeFont font)
{
    // For readers that know no ActualText: a zero width space.
    const string NoText = "\u200b";

    // Code 0 is the box for missing characters; every font has it there.
    readonly List<(int Glyph, string Text)> codes = [(0, "")];
    readonly Dictionary<(int Glyph, string Text), int> codeOf = [];

    /// <summary>The operators that show glyphs from the current position on.</summary>
    /// <param name="size">Points.</param>
    public string Show(IReadOnlyList<Glyph> glyphs, double size)
    {
        var text = new ShownText(font.UnitsPerEm, size);
        for (var first = 0; first < glyphs.Count;)
        {
            var count = 1 + glyphs.Skip(first + 1).TakeWhile(glyph => glyph.Text.Length == 0).Count();
            // Several glyphs for one text: readers take the text from here, as no code of its own can say it.
            text.Begin(count > 1 ? glyphs[first].Text : null);
            foreach (var glyph in glyphs.Skip(first).Take(count))
            {
                text.Add(CodeOf(glyph), glyph, font.AdvanceOf(glyph.Index));
            }

            text.End();
            first += count;
        }

        return text.ToString();
    }

    string CodeOf(Glyph glyph)
    {
        var key = (glyph.Index, glyph.Text);
        if (!codeOf.TryGetValue(key, out var code))
        {
            codeOf[key] = code = codes.Count;
            codes.Add(key);
        }

        return Hex(code);
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
        const int MaxPerBlock = 100;
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
        foreach (var block in codes.Index().Skip(1).Chunk(MaxPerBlock))
        {
            map.Append($"{block.Length} beginbfchar\n");
            foreach (var (code, (_, text)) in block)
            {
                map.Append($"<{Hex(code)}> <{Convert.ToHexString(Encoding.BigEndianUnicode.GetBytes(text.Length > 0 ? text : NoText))}>\n");
            }
            map.Append("endbfchar\n");
        }
        return map.Append("endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n").ToString();
    }

    /// <summary>Six letters that distinguish this subset of the font from others. Source: ISO 32000-1, 9.6.4.</summary>
    static string Tag(byte[] subset) => string.Concat(SHA256.HashData(subset).Take(6).Select(value => (char)('A' + value % 26)));

    string PerThousand(int fontUnits) => PdfFile.Number(1000.0 * fontUnits / font.UnitsPerEm);

    static string Hex(int code) => code.ToString("X4", System.Globalization.CultureInfo.InvariantCulture);
}
