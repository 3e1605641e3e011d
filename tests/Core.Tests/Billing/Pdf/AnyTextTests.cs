using System.Globalization;
using System.IO.Compression;
using System.Text;
using ControlPlane.Billing.Pdf;
using FsCheck.Fluent;
using FsCheck;

namespace ControlPlane.Tests.Billing.Pdf;

public class AnyTextTests
{
    static readonly Config Config = Config.QuickThrowOnFailure.WithMaxTest(60);

    // Everything with a shape that reads from left to right, half of it in the scripts that Inter has, a third in those of the fallback fonts.
    static readonly Gen<string> LeftToRight =
        Text(Gen.OneOf(Gen.Choose(0x20, 0x7E), Gen.Choose(0xA0, 0x52F), Gen.Choose(0xE01, 0xE5B), Gen.Choose(0x3041, 0x9FFF), Gen.Choose(0xAC00, 0xD7A3), Gen.Choose(0x20, 0x2FFFF)),
            rune => HasShape(rune) && !IsRightToLeft(rune));

    static readonly Gen<string> BothDirections =
        Text(Gen.OneOf(Gen.Choose(0x20, 0x7E), Gen.Choose(0x590, 0x6FF), Gen.Choose(0x1F300, 0x1F6FF)), HasShape);

    [Fact]
    public void Any_printable_text_parses_back() =>
        Check.One(Config, Prop.ForAll(Arb.From(LeftToRight), text =>
        {
            var reader = new PdfReader(InvoicePdf.Render(WithEverywhere(text)));
            var expected = PdfReader.WithoutSpace(text);
            // Seller's name, address and email, number, buyer's name and address, description, note.
            Assert.True(Occurrences(reader.LeftColumn, expected) >= 8, reader.LeftColumn);
        }));

    [Fact]
    public void No_character_of_a_text_in_both_directions_is_lost() =>
        Check.One(Config, Prop.ForAll(Arb.From(BothDirections), text =>
        {
            var reader = new PdfReader(InvoicePdf.Render(InvoiceSamples.Usual() with { Notes = [$"<<{text}>>"] }));
            var notes = string.Concat(reader.Pages.SelectMany(page => page).Select(run => run.Text).SkipWhile(line => line != "EUR 1,304.86").Skip(1).SkipLast(2 * reader.Pages.Count));
            Assert.Equal(Sorted($"<<{text}>>"), Sorted(notes));
        }));

    [Fact]
    public void Any_text_at_all_renders() =>
        Check.One(Config, Prop.ForAll<NonNull<string>>(text => _ = new PdfReader(InvoicePdf.Render(WithEverywhere(text.Get)))));

    [Theory]
    [InlineData("\ud800 half a surrogate pair", "\ufffd half a surrogate pair")]
    [InlineData("tab\tand bell\a", "tab and bell")]
    [InlineData("soft\u00adhyphen and zero\u200bwidth", "softhyphen and zerowidth")]
    [InlineData("an embedding \u202bleft\u202c out", "an embedding left out")]
    public void Characters_without_a_shape_are_left_out(string note, string drawn) =>
        Assert.Contains(drawn, new PdfReader(InvoicePdf.Render(InvoiceSamples.Usual() with { Notes = [note] })).AllText, StringComparison.Ordinal);

    [Fact]
    public void Compressed_bytes_inflate_to_what_they_were() =>
        Check.One(Config.QuickThrowOnFailure, Prop.ForAll<byte[], PositiveInt>((some, times) =>
        {
            // Repeated with a growing gap, so that there are matches of many lengths and distances.
            byte[] data = [.. Enumerable.Range(0, times.Get % 50).SelectMany(time => (byte[])[.. some, .. Enumerable.Repeat((byte)time, 40 * time)])];
            using var inflated = new MemoryStream();
            using var zlib = new ZLibStream(new MemoryStream(Deflate.Compress(data)), CompressionMode.Decompress);
            zlib.CopyTo(inflated);
            Assert.Equal(data, inflated.ToArray());
        }));

    static InvoiceDocument WithEverywhere(string text) => InvoiceSamples.Usual() with
    {
        Seller = new DocumentSeller(text, [text], text, text),
        Buyer = new DocumentBuyer(text, [text], text, text),
        Number = text,
        Lines = [new DocumentLine(text, 1, text, 1, 1)],
        Taxes = [new DocumentSum(text, 0m)],
        Notes = [text],
    };

    static Gen<string> Text(Gen<int> codes, Func<Rune, bool> predicate) =>
        codes.Where(Rune.IsValid).Select(code => new Rune(code)).Where(predicate).ListOf().Select(runes => string.Concat(runes));

    static string Sorted(string text) => string.Concat(PdfReader.WithoutSpace(text).EnumerateRunes().Order());

    static bool IsRightToLeft(Rune rune) =>
        rune.Value is (>= 0x590 and < 0x900) or (>= 0xFB1D and < 0xFE00) or (>= 0xFE70 and < 0xFF00) or (>= 0x10800 and < 0x11000) or (>= 0x1E800 and < 0x1F000);

    static bool HasShape(Rune rune) =>
        Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator)
        && rune.Value is not (>= 0xFE00 and <= 0xFE0F);

    static int Occurrences(string text, string part) => part.Length == 0 ? int.MaxValue : text.Split(part).Length - 1;
}
