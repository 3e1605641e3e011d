using System.ComponentModel;
using System.Diagnostics;
using System.Security.Cryptography;
using ControlPlane.Billing.Pdf;

namespace ControlPlane.Tests.Billing.Pdf;

public class InvoicePdfTests
{
    [Fact]
    public void Rendering_an_invoice_again_gives_the_same_bytes() =>
        Assert.Equal(InvoicePdf.Render(InvoiceSamples.Usual()), InvoicePdf.Render(InvoiceSamples.Usual()));

    [Fact]
    public void The_same_invoice_gives_the_same_bytes_on_every_machine() =>
        // If this fails after a change of the layout or the font's version, put the new digest here: older invoices would now render differently.
        Assert.Equal("3908C2750FC24BF376C3096B772E4DB06F69B5378E307836DF2EB50C6ED28E4A", Convert.ToHexString(SHA256.HashData(InvoicePdf.Render(InvoiceSamples.Usual()))));

    [Fact]
    public void Another_total_gives_another_file_identifier() =>
        Assert.NotEqual(
            new PdfReader(InvoicePdf.Render(InvoiceSamples.Usual())).Id,
            new PdfReader(InvoicePdf.Render(InvoiceSamples.Usual() with { Total = 1304.87m })).Id);

    [Theory]
    [InlineData("CFS LLM Platform GmbH")]
    [InlineData("Musterstraße 12 · 80686 München · Germany")]
    [InlineData("VAT ID DE123456789 · billing@cfs.example")]
    [InlineData(InvoiceSamples.ManyScripts)]
    [InlineData("90-926 Łódź")]
    [InlineData("Poland")]
    [InlineData("VAT ID PL5260001246")]
    [InlineData("Invoice 2026-000042")]
    [InlineData("1 February 2026")]
    [InlineData("1 January 2026 to 31 January 2026")]
    [InlineData("412,345.678 × 1,000")]
    [InlineData("0.0025")]
    [InlineData("1,030.86")]
    [InlineData("-25.00")]
    [InlineData("VAT 0 % (reverse charge)")]
    [InlineData("EUR 1,304.86")]
    [InlineData("Reverse charge: the recipient is liable for the VAT.")]
    [InlineData("Page 1 of 1")]
    public void Text_can_be_found_and_copied(string expected)
    {
        var file = InvoicePdf.Render(InvoiceSamples.Usual());
        Assert.Contains(expected, new PdfReader(file).AllText, StringComparison.Ordinal);
        // Checked with Poppler as well where it is installed.
        if (PopplerText(file) is { } text)
        {
            Assert.Contains(expected, text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_metadata_has_the_title_and_the_date_of_the_invoice()
    {
        var info = new PdfReader(InvoicePdf.Render(InvoiceSamples.Usual())).Info;
        Assert.Contains(Convert.ToHexString(System.Text.Encoding.BigEndianUnicode.GetBytes("Invoice 2026-000042")), info, StringComparison.Ordinal);
        Assert.Contains("/CreationDate (D:20260201000003Z)", info, StringComparison.Ordinal);
    }

    [Fact]
    public void An_invoice_without_tax_has_no_tax_line()
    {
        var reader = new PdfReader(InvoicePdf.Render(InvoiceSamples.Usual() with { Taxes = [], Notes = [] }));
        var sums = reader.Pages[0].Select(run => run.Text).SkipWhile(text => text != "Subtotal").ToList();
        Assert.Equal(["Subtotal", "1,304.86", "Total", "EUR 1,304.86"], sums[..4]);
    }

    [Fact]
    public void Every_page_of_a_long_invoice_repeats_the_table_header_and_is_numbered()
    {
        var reader = new PdfReader(InvoicePdf.Render(InvoiceSamples.WithLines(100)));
        Assert.InRange(reader.Pages.Count, 3, 5);
        Assert.All(Enumerable.Range(0, reader.Pages.Count), page =>
        {
            var text = reader.TextOf(page);
            Assert.Equal(text.Contains("Segment", StringComparison.Ordinal), text.Contains("Description\nQuantity\nUnit price\nAmount (EUR)", StringComparison.Ordinal));
            Assert.EndsWith($"Page {page + 1} of {reader.Pages.Count}", text, StringComparison.Ordinal);
        });
        var lines = reader.Pages.SelectMany(page => page).Select(run => run.Text).Where(text => text.StartsWith("Segment ", StringComparison.Ordinal));
        Assert.Equal(Enumerable.Range(1, 100).Select(line => $"Segment {line}."), lines);
    }

    [Theory]
    [InlineData(12)]
    [InlineData(15)]
    [InlineData(16)]
    [InlineData(18)]
    public void The_total_and_the_notes_stay_on_one_page(int lines)
    {
        var reader = new PdfReader(InvoicePdf.Render(InvoiceSamples.WithLines(lines)));
        Assert.All(
            (string[])["Subtotal", "EUR 1,304.86", "The amount will be charged on 1 February 2026."],
            text => Assert.Contains(text, reader.TextOf(reader.Pages.Count - 1), StringComparison.Ordinal));
    }

    [Fact]
    public void A_description_longer_than_a_page_continues_on_the_next()
    {
        var words = string.Join(' ', Enumerable.Range(1, 3000));
        var reader = new PdfReader(InvoicePdf.Render(InvoiceSamples.Usual() with { Lines = [new DocumentLine(words, null, null, null, 1m)] }));
        Assert.InRange(reader.Pages.Count, 2, 9);
        var drawn = reader.AllText.Split('\n', ' ').ToHashSet();
        Assert.All(words.Split(' '), word => Assert.Contains(word, drawn));
    }

    [Fact]
    public void Text_never_leaves_the_margins_or_overlaps()
    {
        var huge = InvoiceSamples.WithLines(60);
        huge = huge with
        {
            Buyer = huge.Buyer with { Name = new string('W', 400) },
            Lines = [.. huge.Lines, new DocumentLine(new string('m', 300), decimal.MaxValue, new string('u', 90), decimal.MaxValue, decimal.MinValue)],
            Taxes = [new DocumentSum(new string('T', 200), decimal.MinValue)],
            Total = decimal.MinValue,
        };
        Assert.All(new PdfReader(InvoicePdf.Render(huge)).Pages, page =>
        {
            Assert.All(page, run => Assert.True(run.X >= 55.99 && run.X + run.Width <= 539.29 && run.Y is > 40 and < 790, run.ToString()));
            Assert.All(page.GroupBy(run => run.Y), line =>
            {
                var runs = line.OrderBy(run => run.X).ToList();
                Assert.All(runs.Zip(runs.Skip(1)), pair => Assert.True(pair.First.X + pair.First.Width < pair.Second.X, $"{pair}"));
            });
        });
    }

    [Fact]
    public void Amounts_align_at_the_right_margin() =>
        Assert.All(
            new PdfReader(InvoicePdf.Render(InvoiceSamples.Usual())).Pages[0].Where(run => run.Text is "299.00" or "1,030.86" or "-25.00" or "EUR 1,304.86").Skip(1),
            run => Assert.Equal(539.276, run.X + run.Width, tolerance: 0.02));

    /// <returns><c>null</c> when pdftotext is not installed.</returns>
    static string? PopplerText(byte[] file)
    {
        var path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, file);
            using var process = Process.Start(new ProcessStartInfo("pdftotext", ["-enc", "UTF-8", path, "-"]) { RedirectStandardOutput = true })!;
            return process.StandardOutput.ReadToEnd();
        }
        catch (Win32Exception)
        {
            return null;
        }
        finally
        {
            File.Delete(path);
        }
    }
}
