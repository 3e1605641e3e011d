using ControlPlane.Billing.Pdf;
using ZXing;
using ZXing.Common;
using ZXing.QrCode;

namespace ControlPlane.Tests.Billing.Pdf;

/// <summary>Codes are read back by a decoder that knows nothing of how they were written.</summary>
public class QrCodeTests
{
    const int Scale = 4;

    public static TheoryData<string> Texts => new(
        "x",
        EpcCode.Of("CFS GmbH", "DE02120300000000202051", "GENODEF1XXX", 14.58m, "INV-000012")!,
        EpcCode.Of("Müller & Söhne GmbH, Łódź", "DE02120300000000202051", null, 999_999_999.99m, "INV-000012")!,
        EpcCode.Of(new string('Ж', 70), "MT84MALT011000012345MTLCAST001S", "GENODEF1XXX", 0.01m, new string('9', 40))!);

    [Theory]
    [MemberData(nameof(Texts))]
    public void A_decoder_reads_the_text_back(string text)
    {
        var code = QrCode.Of(text);
        Assert.Equal(text, Decode(code.Runs.Select(run => ((double)run.X, (double)run.Y, (double)run.Width, 1.0)), code.Size));
    }

    [Fact]
    public void An_invoice_to_be_transferred_has_a_code_that_a_decoder_reads_from_the_page()
    {
        var text = EpcCode.Of("CFS LLM Platform GmbH", "DE02120300000000202051", null, 1304.86m, "2026-000042")!;
        var reader = new PdfReader(InvoicePdf.Render(InvoiceSamples.Usual() with { PaymentCode = text }));
        // Those of the code have the height of a module.
        var modules = reader.Rectangles[^1].Where(one => one.Height is > 1.59 and < 1.61).ToList();
        var (left, top) = (modules.Min(one => one.X), modules.Max(one => one.Y + one.Height));
        Assert.All(modules, one => Assert.True(one.X >= 55.99 && one.Y > 56, one.ToString()));
        Assert.Equal(text, Decode(modules.Select(one => ((one.X - left) / 1.6, (top - one.Y - one.Height) / 1.6, one.Width / 1.6, 1.0)), QrCode.Of(text).Size));
        Assert.Contains("Scan the code with your banking app", reader.AllText, StringComparison.Ordinal);
    }

    [Fact]
    public void An_invoice_without_a_code_has_no_text_about_one() =>
        Assert.DoesNotContain("Scan the code", new PdfReader(InvoicePdf.Render(InvoiceSamples.Usual())).AllText, StringComparison.Ordinal);

    static string? Decode(IEnumerable<(double X, double Y, double Width, double Height)> dark, int size)
    {
        var side = (size + 2 * QrCode.QuietZone) * Scale;
        var pixels = new byte[side * side];
        Array.Fill(pixels, byte.MaxValue);
        foreach (var (x, y, width, height) in dark)
        {
            for (var row = Pixel(y); row < Pixel(y + height); row++)
            {
                pixels.AsSpan(row * side + Pixel(x), Pixel(x + width) - Pixel(x)).Clear();
            }
        }

        var image = new BinaryBitmap(new HybridBinarizer(new RGBLuminanceSource(pixels, side, side, RGBLuminanceSource.BitmapFormat.Gray8)));
        return new QRCodeReader().decode(image, new Dictionary<DecodeHintType, object> { [DecodeHintType.PURE_BARCODE] = true })?.Text;
    }

    static int Pixel(double module) => (int)Math.Round((module + QrCode.QuietZone) * Scale);
}
