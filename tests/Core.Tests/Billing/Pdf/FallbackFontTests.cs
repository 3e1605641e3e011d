using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using ControlPlane.Billing.Pdf;

namespace ControlPlane.Tests.Billing.Pdf;

public partial class FallbackFontTests
{
    static readonly string Fonts = Path.Combine(RepositoryRoot(), "src", "Core", "Billing", "Pdf", "Fonts");

    [Theory]
    [InlineData("株式会社テスト", "NotoSansSC")]
    [InlineData("北京示例有限公司（上海）", "NotoSansSC")]
    [InlineData("臺灣範例股份有限公司", "NotoSansSC")]
    [InlineData("한국어 주식회사", "NanumGothic")]
    [InlineData("مثال", "NotoSansArabic")]
    [InlineData("شركة المقاولات والاستيراد", "NotoSansArabic")]
    [InlineData("می\u200cخواهم", "NotoSansArabic")]
    [InlineData("דוגמה", "NotoSansHebrew")]
    [InlineData("שָׁלוֹם", "NotoSansHebrew")]
    [InlineData("ตัวอย่าง", "NotoSansThai")]
    [InlineData("น้ำดื่ม จำกัด", "NotoSansThai")]
    [InlineData("🚀", "NotoEmoji")]
    [InlineData("👩\u200d👦 👍🏽 🇩🇪 1\ufe0f\u20e3", "NotoEmoji")]
    public void A_name_in_another_script_is_drawn_in_its_font_and_copies_as_it_was_written(string name, string font)
    {
        var reader = Render(name);
        Assert.Contains(name, reader.Pages[0].Select(run => run.Text));
        var used = Assert.Single(reader.Fonts, embedded => !embedded.Name.Contains("Inter", StringComparison.Ordinal));
        Assert.Contains(font, used.Name, StringComparison.Ordinal);
    }

    [Fact]
    public void A_font_is_embedded_only_when_it_is_used() =>
        Assert.All(new PdfReader(InvoicePdf.Render(InvoiceSamples.Usual())).Fonts, font => Assert.Contains("Inter", font.Name, StringComparison.Ordinal));

    [Theory]
    [InlineData("שלום GmbH 12", "GmbH 12 שלום")]
    [InlineData("مثال GmbH 2026", "GmbH 2026 مثال")]
    [InlineData("GmbH שלום 12", "GmbH 12 שלום")]
    [InlineData("株式会社 GmbH 2026", "株式会社 GmbH 2026")]
    public void A_mixed_line_is_drawn_in_visual_order_and_copies_in_reading_order(string name, string leftToRight)
    {
        var line = Render(name).Pages[0].Single(run => run.Text == name);
        Assert.Equal(leftToRight, line.LeftToRight);
    }

    [Fact]
    public void A_name_from_right_to_left_does_not_reorder_the_text_around_it()
    {
        var invoice = InvoiceSamples.Usual();
        var reader = new PdfReader(InvoicePdf.Render(invoice with { Seller = invoice.Seller with { Name = "דוגמה GmbH" } }));
        Assert.Equal(["GmbH דוגמה", "Invoice 2026-000042 · GmbH דוגמה"], reader.Pages[0].Where(run => run.Text.Contains("דוגמה", StringComparison.Ordinal)).Select(run => run.LeftToRight));
    }

    [Fact]
    public void Brackets_are_mirrored_in_text_from_right_to_left()
    {
        var font = new PdfReader(InvoicePdf.Render(WithNotes("(left)", "שלום (GmbH)"))).Fonts.Single(embedded => embedded.Name.EndsWith("Inter-Regular", StringComparison.Ordinal));
        Assert.Equal(2, font.CodesOf("(").Count());
    }

    [Fact]
    public void An_Arabic_letter_has_the_shape_of_its_place_in_the_word()
    {
        var font = Render("م مثال سلم").Fonts.Single(embedded => embedded.Name.Contains("Arabic", StringComparison.Ordinal));
        Assert.Equal(3, font.CodesOf("م").Count());
    }

    [Fact]
    public void Thai_marks_take_no_width_of_their_own() =>
        Assert.Equal(Width("ทอ"), Width("ที่อ"), tolerance: 0.01);

    [Fact]
    public void A_long_name_without_spaces_wraps_between_characters()
    {
        var name = string.Concat(Enumerable.Repeat("株式会社👩\u200d👦", 60));
        var reader = Render(name);
        Assert.Contains(name, reader.LeftColumn, StringComparison.Ordinal);
        Assert.All(reader.Pages[0], run => Assert.True(run.X + run.Width < 539.3, run.ToString()));
    }

    [Fact]
    public void The_same_invoice_in_all_scripts_gives_the_same_bytes_on_every_machine() =>
        // HarfBuzz, a font or the layout changed if this fails: put the new digest here, knowing that older invoices would now render differently.
        Assert.Equal(
            "52E856F2672504BF1A51654EC1C3D2FD451DF1FB31462DF23550C688BB6917B7",
            Convert.ToHexString(SHA256.HashData(InvoicePdf.Render(WithNotes("株式会社テスト", "한국어 주식회사", "مثال GmbH 2026", "שלום GmbH 12", "ตัวอย่าง", "🚀")))));

    [Fact]
    public void Invoices_and_the_portal_have_one_accent_colour()
    {
        var styles = Assert.Single(Directory.GetFiles(RepositoryRoot(), "site.css", SearchOption.AllDirectories), file => !file.Contains($"{Path.DirectorySeparatorChar}bin{Path.DirectorySeparatorChar}"));
        Assert.Contains($"--accent: light-dark({BrandColor.Accent},", File.ReadAllText(styles), StringComparison.Ordinal);
    }

    [Fact]
    public void The_font_files_are_those_that_the_list_names()
    {
        var listed = Row().Matches(File.ReadAllText(Path.Combine(Fonts, "README.md"))).ToDictionary(row => row.Groups["file"].Value);
        var files = Directory.GetFiles(Fonts, "*.ttf");
        Assert.Equal(files.Select(Path.GetFileName).Order(StringComparer.Ordinal), listed.Keys.Order(StringComparer.Ordinal));
        Assert.All(files, file =>
        {
            var row = listed[Path.GetFileName(file)];
            Assert.Equal(row.Groups["digest"].Value, Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(file))));
            Assert.Contains("SIL OPEN FONT LICENSE", File.ReadAllText(Path.Combine(Fonts, row.Groups["licence"].Value)), StringComparison.Ordinal);
        });
        Assert.True(files.Sum(file => new FileInfo(file).Length) <= 15_000_000);
    }

    static string RepositoryRoot([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "..", ".."));

    static double Width(string name) => Render(name).Pages[0].Single(run => run.Text == name).Width;

    static PdfReader Render(string name) => new(InvoicePdf.Render(InvoiceSamples.Usual() with { Buyer = new DocumentBuyer(name, [], "Austria", null) }));

    static InvoiceDocument WithNotes(params string[] notes) => InvoiceSamples.Usual() with { Notes = notes };

    [GeneratedRegex(@"^\| (?<file>\S+\.ttf) \|.*\| (?<licence>\S+\.txt) \| (?<digest>[0-9a-f]{64}) \|$", RegexOptions.Multiline)]
    private static partial Regex Row();
}
