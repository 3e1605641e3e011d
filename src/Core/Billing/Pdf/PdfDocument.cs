using System.Text;

namespace ControlPlane.Billing.Pdf;

/// <summary>Pages of text and rules in A4. Coordinates are points (1/72 inch) from the page's lower left corner.</summary>
sealed class PdfDocument
{
    public const double Width = 595.276;
    public const double Height = 841.89;

    readonly List<PdfPage> pages = [];
    readonly Dictionary<TrueTypeFont, (string Name, PdfFont Font)> fonts = [];

    public IReadOnlyList<PdfPage> Pages => pages;

    public PdfPage AddPage()
    {
        pages.Add(new PdfPage(FontFor));
        return pages[^1];
    }

    /// <param name="created">Both creation and modification date; rendering again changes neither.</param>
    public byte[] Save(string title, string author, DateTimeOffset created)
    {
        var file = new PdfFile();
        var (catalog, tree) = (file.Reserve(), file.Reserve());
        var info = file.Add(
            $"<< /Title {PdfFile.Text(title)} /Author {PdfFile.Text(author)} /Producer (CFS LLM Platform) "
            + $"/CreationDate {PdfFile.Date(created)} /ModDate {PdfFile.Date(created)} >>");
        var fontList = string.Join(' ', fonts.Values.Select(font => $"/{font.Name} {font.Font.WriteTo(file)} 0 R"));
        var kids = new List<string>();
        foreach (var page in pages)
        {
            var content = file.AddStream(Encoding.ASCII.GetBytes(page.Content));
            kids.Add($"{file.Add($"<< /Type /Page /Parent {tree} 0 R /Contents {content} 0 R >>")} 0 R");
        }
        file.Set(tree,
            $"<< /Type /Pages /Count {kids.Count} /Kids [{string.Join(' ', kids)}] /MediaBox [0 0 {PdfFile.Number(Width)} {PdfFile.Number(Height)}] "
            + $"/Resources << /Font << {fontList} >> >> >>");
        file.Set(catalog, $"<< /Type /Catalog /Pages {tree} 0 R /Lang (en) /ViewerPreferences << /DisplayDocTitle true >> >>");
        return file.Finish(catalog, info);
    }

    (string Name, PdfFont Font) FontFor(TrueTypeFont font)
    {
        if (!fonts.TryGetValue(font, out var used))
        {
            fonts[font] = used = ($"F{fonts.Count + 1}", new PdfFont(font));
        }
        return used;
    }
}
