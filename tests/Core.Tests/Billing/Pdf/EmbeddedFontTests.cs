using System.Text;
using ControlPlane.Billing.Pdf;
using static System.Buffers.Binary.BinaryPrimitives;

namespace ControlPlane.Tests.Billing.Pdf;

public class EmbeddedFontTests
{
    [Theory]
    [InlineData("Latin", "ABCabc0123456789 .,:;!?()[]{}@#%&*+-=/\\|<>\"'_^~`$")]
    [InlineData("Latin-1 and Extended-A", "ÄÖÜäöüßÀÉÎÕÑçøåæŁłŹźŻżĄąĘęŚśČčŘřŠšŽžĐđŐőŰűŞşĞğİıŒœŸ")]
    [InlineData("Greek", "ΑΒΓΔΩαβγδωάέήίόύώς")]
    [InlineData("Cyrillic", "АБВГДЯабвгдяЁёЄєІіЇїҐґ")]
    [InlineData("Signs", "€£¥·×–—“”‘’…§°©®™−")]
    public void Both_weights_have_the_characters_of_European_names(string script, string characters) =>
        Assert.All(characters.EnumerateRunes(), rune =>
        {
            Assert.True(Inter.Regular.GlyphFor(rune) > 0, $"{script}: {rune}");
            Assert.True(Inter.Bold.GlyphFor(rune) > 0, $"{script}: {rune}");
        });

    [Fact]
    public void Tabular_digits_are_equally_wide() =>
        Assert.Single("0123456789".EnumerateRunes().Select(digit => Inter.Regular.AdvanceOf(Inter.Regular.GlyphFor(digit, tabularFigures: true))).Distinct());

    [Fact]
    public void A_file_contains_only_the_glyphs_it_draws()
    {
        var everyLetter = string.Concat(Enumerable.Range(0x21, 0x500).Select(code => (char)code).Where(char.IsLetterOrDigit));
        Assert.InRange(InvoicePdf.Render(InvoiceSamples.Usual()).Length, 5_000, 30_000);
        Assert.InRange(InvoicePdf.Render(InvoiceSamples.Usual() with { Notes = [everyLetter] }).Length, 30_000, 120_000);
    }

    [Fact]
    public void A_subset_is_a_complete_font_file()
    {
        var reader = new PdfReader(InvoicePdf.Render(InvoiceSamples.Usual()));
        Assert.Equal(["Inter-Bold", "Inter-Regular"], reader.Fonts.Select(font => font.Name.Split('+')[1]));
        Assert.All(reader.Fonts, font =>
        {
            var file = font.Program;
            Assert.Equal(0xB1B0AFBA, Sum(file));
            foreach (var tag in (string[])["glyf", "head", "hhea", "hmtx", "loca", "maxp", "prep"])
            {
                Assert.Equal(0, Table(file, tag).Start.Value % 4);
            }
            var glyphs = ReadUInt16BigEndian(file.AsSpan(Table(file, "maxp"))[4..]);
            Assert.Equal(4 * glyphs + 4, file.AsSpan(Table(file, "loca")).Length);
            Assert.Equal(4 * glyphs, file.AsSpan(Table(file, "hmtx")).Length);
            Assert.All(Enumerable.Range(0, glyphs), glyph => Assert.All(Parts(Outline(file, glyph)), part => Assert.InRange(part, 1, glyphs - 1)));
            Assert.Contains(Enumerable.Range(0, glyphs), glyph => Parts(Outline(file, glyph)).Count > 0);
        });
    }

    [Fact]
    public void A_glyph_in_the_subset_has_the_outline_it_had_in_the_font()
    {
        var font = new PdfReader(InvoicePdf.Render(InvoiceSamples.Usual())).Fonts[1];
        var drawn = Outline(font.Program, font.CodeOf("g"));
        var original = Inter.Regular.OutlineOf(Inter.Regular.GlyphFor(new Rune('g'))).ToArray();
        Assert.Equal(original, drawn[..original.Length]);
    }

    [Theory]
    [InlineData("ሀ")]
    [InlineData("𐌰")]
    public void A_character_that_no_font_has_is_a_visible_box_that_still_copies_right(string character)
    {
        var reader = new PdfReader(InvoicePdf.Render(InvoiceSamples.Usual() with { Notes = [$"before {character} after"] }));
        Assert.Contains($"before {character} after", reader.AllText, StringComparison.Ordinal);
        var box = Outline(reader.Fonts[1].Program, 0);
        Assert.NotEmpty(box);
        Assert.Equal(box, Outline(reader.Fonts[1].Program, reader.Fonts[1].CodeOf(character)));
    }

    static uint Sum(byte[] file) => Enumerable.Range(0, file.Length / 4).Aggregate(0u, (sum, word) => sum + ReadUInt32BigEndian(file.AsSpan(4 * word)));

    static Range Table(byte[] file, string tag)
    {
        var entry = Enumerable.Range(0, ReadUInt16BigEndian(file.AsSpan(4))).Select(record => file.AsMemory(12 + 16 * record, 16))
            .Single(record => Encoding.ASCII.GetString(record.Span[..4]) == tag).Span;
        var start = (int)ReadUInt32BigEndian(entry[8..]);
        return start..(start + (int)ReadUInt32BigEndian(entry[12..]));
    }

    static byte[] Outline(byte[] file, int glyph)
    {
        var offsets = file.AsSpan(Table(file, "loca"))[(4 * glyph)..];
        return file[Table(file, "glyf")][(int)ReadUInt32BigEndian(offsets)..(int)ReadUInt32BigEndian(offsets[4..])];
    }

    /// <returns>The parts of a composite glyph; empty for a simple one.</returns>
    static List<int> Parts(byte[] outline)
    {
        var parts = new List<int>();
        var more = outline.Length > 0 && ReadInt16BigEndian(outline) < 0;
        for (var at = 10; more;)
        {
            var flags = ReadUInt16BigEndian(outline.AsSpan(at));
            parts.Add(ReadUInt16BigEndian(outline.AsSpan(at + 2)));
            at += 4 + ((flags & 1) != 0 ? 4 : 2) + ((flags & 8) != 0 ? 2 : 0) + ((flags & 64) != 0 ? 4 : 0) + ((flags & 128) != 0 ? 8 : 0);
            more = (flags & 32) != 0;
        }
        return parts;
    }
}
