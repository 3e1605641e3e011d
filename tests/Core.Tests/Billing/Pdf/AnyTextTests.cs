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

    // Everything with a shape, a third of it from the scripts people here write in.
    static readonly Gen<string> Printable =
        Gen.OneOf(Gen.Choose(0x20, 0x7E), Gen.Choose(0xA0, 0x52F), Gen.Choose(0x20, 0x2FFFF))
            .Where(Rune.IsValid)
            .Select(code => new Rune(code))
            .Where(HasShape)
            .ListOf()
            .Select(runes => string.Concat(runes));

    [Fact]
    public void Any_printable_text_parses_back() =>
        Check.One(Config, Prop.ForAll(Arb.From(Printable), text =>
        {
            var reader = new PdfReader(InvoicePdf.Render(WithEverywhere(text)));
            var expected = PdfReader.WithoutSpace(text);
            // Seller's name, address and mail, number, buyer's name and address, description, note.
            Assert.True(Occurrences(reader.LeftColumn, expected) >= 8, reader.LeftColumn);
        }));

    [Fact]
    public void Any_text_at_all_renders() =>
        Check.One(Config, Prop.ForAll<NonNull<string>>(text => _ = new PdfReader(InvoicePdf.Render(WithEverywhere(text.Get)))));

    [Theory]
    [InlineData("\ud800 half a surrogate pair", "\ufffd half a surrogate pair")]
    [InlineData("tab\tand bell\a", "tab and bell")]
    [InlineData("soft\u00adhyphen and zero\u200bwidth", "softhyphen and zerowidth")]
    [InlineData("family 👩\u200d👦\ufe0f", "family 👩👦")]
    public void What_has_no_shape_is_left_out(string note, string drawn) =>
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
        Seller = new Seller(text, [text], text, text),
        Buyer = new Buyer(text, [text], text, text),
        Number = text,
        Lines = [new InvoiceLine(text, 1, text, 1, 1)],
        TaxLabel = text,
        Notes = [text],
    };

    static bool HasShape(Rune rune) =>
        Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator)
        && rune.Value is not (>= 0xFE00 and <= 0xFE0F);

    static int Occurrences(string text, string part) => part.Length == 0 ? int.MaxValue : text.Split(part).Length - 1;
}
