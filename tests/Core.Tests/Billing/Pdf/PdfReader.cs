using System.Globalization;
using System.IO.Compression;
using System.Text.RegularExpressions;
using System.Text;

namespace ControlPlane.Tests.Billing.Pdf;

/// <summary>Reads back what the writer wrote, sharing no code with it: finds objects through the cross-reference table, inflates, and decodes text through ToUnicode.</summary>
sealed partial class PdfReader
{
    readonly byte[] file;
    readonly string text;
    readonly Dictionary<int, int> offsets = [];

    public PdfReader(byte[] file)
    {
        this.file = file;
        text = Encoding.Latin1.GetString(file);
        var start = int.Parse(StartXref().Match(text).Groups[1].Value, CultureInfo.InvariantCulture);
        Assert.StartsWith("xref\n0 ", text[start..]);
        foreach (Match entry in XrefEntry().Matches(text[start..]))
        {
            offsets[offsets.Count + 1] = int.Parse(entry.Groups[1].Value, CultureInfo.InvariantCulture);
            Assert.StartsWith($"{offsets.Count} 0 obj\n", text[offsets[offsets.Count]..]);
        }
        var pages = Object(Reference(Object(Reference(Trailer, "Root")), "Pages"));
        var fonts = FontEntry().Matches(pages).ToDictionary(font => font.Groups[1].Value, font => new Font(this, Number(font.Groups[2])));
        Fonts = [.. fonts.Values];
        var kids = Kid().Matches(Kids().Match(pages).Groups[1].Value).Select(kid => Reference(Object(Number(kid.Groups[1])), "Contents"));
        Pages = [.. kids.Select(content => Runs(Encoding.ASCII.GetString(Stream(content)), fonts))];
    }

    /// <summary>A piece of text as drawn: where it starts and how wide it is in points.</summary>
    public sealed record Run(double X, double Y, double Width, string Text);

    public IReadOnlyList<IReadOnlyList<Run>> Pages { get; }
    public IReadOnlyList<Font> Fonts { get; }
    public string Trailer => text[text.LastIndexOf("trailer", StringComparison.Ordinal)..];
    public string Id => IdEntry().Match(Trailer).Groups[1].Value;

    public string Info => Object(Reference(Trailer, "Info"));

    public string TextOf(int page) => string.Join('\n', Pages[page].Select(run => run.Text));

    public string AllText => string.Join('\n', Enumerable.Range(0, Pages.Count).Select(TextOf));

    /// <summary>What stands at the left margin, in order and without white space, so that a wrapped text is in one piece.</summary>
    public string LeftColumn => WithoutSpace(string.Concat(Pages.SelectMany(page => page.Where(run => run.X == 56)).Select(run => run.Text)));

    public static string WithoutSpace(string text) => string.Concat(text.Where(character => !char.IsWhiteSpace(character)));

    public sealed class Font
    {
        readonly Dictionary<int, string> characters = [];
        readonly double[] widths;

        public Font(PdfReader reader, int number)
        {
            var font = reader.Object(number);
            var descendant = reader.Object(Reference(font, "DescendantFonts"));
            Name = NameEntry().Match(font).Groups[1].Value;
            widths = [.. Widths().Match(descendant).Groups[1].Value.Split(' ').Select(width => double.Parse(width, CultureInfo.InvariantCulture))];
            Program = reader.Stream(Reference(reader.Object(Reference(descendant, "FontDescriptor")), "FontFile2"));
            foreach (Match entry in CodeEntry().Matches(Encoding.ASCII.GetString(reader.Stream(Reference(font, "ToUnicode")))))
            {
                characters[Convert.ToInt32(entry.Groups[1].Value, 16)] = Encoding.BigEndianUnicode.GetString(Convert.FromHexString(entry.Groups[2].Value));
            }
        }

        public string Name { get; }
        public byte[] Program { get; }
        public int CodeOf(string character) => characters.Single(entry => entry.Value == character).Key;

        public (string Text, double Width) Read(string hex, double size)
        {
            var codes = hex.Chunk(4).Select(code => Convert.ToInt32(new string(code), 16)).ToList();
            return (string.Concat(codes.Select(code => characters[code])), codes.Sum(code => widths[code]) * size / 1000);
        }
    }

    static List<Run> Runs(string content, Dictionary<string, Font> fonts) =>
        [.. TextRun().Matches(content).Select(run =>
        {
            var (text, width) = fonts[run.Groups[1].Value].Read(run.Groups[5].Value, Real(run.Groups[2]));
            return new Run(Real(run.Groups[3]), Real(run.Groups[4]), width, text);
        })];

    string Object(int number) => text[offsets[number]..text.IndexOf("endobj", offsets[number], StringComparison.Ordinal)];

    byte[] Stream(int number)
    {
        var start = text.IndexOf("stream\n", offsets[number], StringComparison.Ordinal) + "stream\n".Length;
        var length = int.Parse(LengthEntry().Match(text, offsets[number]).Groups[1].Value, CultureInfo.InvariantCulture);
        Assert.StartsWith("\nendstream\nendobj\n", text[(start + length)..]);
        using var inflated = new MemoryStream();
        using var zlib = new ZLibStream(new MemoryStream(file, start, length), CompressionMode.Decompress);
        zlib.CopyTo(inflated);
        return inflated.ToArray();
    }

    static int Reference(string dictionary, string key) => Number(Regex.Match(dictionary, $@"/{key} \[?(\d+) 0 R").Groups[1]);

    static int Number(Group group) => int.Parse(group.Value, CultureInfo.InvariantCulture);

    static double Real(Group group) => double.Parse(group.Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"startxref\n(\d+)\n%%EOF\n$")] private static partial Regex StartXref();
    [GeneratedRegex(@"^(\d{10}) 00000 n $", RegexOptions.Multiline)] private static partial Regex XrefEntry();
    [GeneratedRegex(@"/ID \[<(\w+)> <\1>\]")] private static partial Regex IdEntry();
    [GeneratedRegex(@"/(F\d+) (\d+) 0 R")] private static partial Regex FontEntry();
    [GeneratedRegex(@"/Kids \[(.*?)\]")] private static partial Regex Kids();
    [GeneratedRegex(@"(\d+) 0 R")] private static partial Regex Kid();
    [GeneratedRegex(@"/BaseFont /(\S+)")] private static partial Regex NameEntry();
    [GeneratedRegex(@"/W \[0 \[(.*?)\]\]")] private static partial Regex Widths();
    [GeneratedRegex(@"/Length (\d+)")] private static partial Regex LengthEntry();
    [GeneratedRegex(@"^<(\w{4})> <(\w+)>$", RegexOptions.Multiline)] private static partial Regex CodeEntry();
    [GeneratedRegex(@"/(F\d+) (\S+) Tf (\S+) (\S+) Td <(\w+)> Tj")] private static partial Regex TextRun();
}
