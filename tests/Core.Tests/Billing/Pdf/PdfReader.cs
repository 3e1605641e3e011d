using System.Globalization;
using System.IO.Compression;
using System.Text.RegularExpressions;
using System.Text;

namespace ControlPlane.Tests.Billing.Pdf;

/// <summary>Reads a PDF independently of the writer: finds objects through the cross-reference table, inflates streams, and decodes text through ToUnicode.</summary>
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
        var contents = kids.Select(content => Encoding.ASCII.GetString(Stream(content))).ToList();
        Pages = [.. contents.Select(content => TextBlock().Matches(content).Select(block => Block(block, fonts)).ToList())];
        Rectangles = [.. contents.Select(content => Rectangle().Matches(content)
            .Select(match => (Real(match.Groups[1]), Real(match.Groups[2]), Real(match.Groups[3]), Real(match.Groups[4]))).ToList())];
    }

    /// <summary>Filled ones, by page.</summary>
    public IReadOnlyList<IReadOnlyList<(double X, double Y, double Width, double Height)>> Rectangles { get; }

    /// <summary>A line of text as drawn: where it starts and how wide it is in points.</summary>
    public sealed record Run(double X, double Y, double Width, IReadOnlyList<(double X, string Text)> Parts)
    {
        public string Text => string.Concat(Parts.Select(part => part.Text));
        public string LeftToRight => string.Concat(Parts.OrderBy(part => part.X).Select(part => part.Text));
    }

    public IReadOnlyList<IReadOnlyList<Run>> Pages { get; }
    public IReadOnlyList<Font> Fonts { get; }
    public string Trailer => text[text.LastIndexOf("trailer", StringComparison.Ordinal)..];
    public string Id => IdEntry().Match(Trailer).Groups[1].Value;

    public string Info => Object(Reference(Trailer, "Info"));

    public string TextOf(int page) => string.Join('\n', Pages[page].Select(run => run.Text));

    public string AllText => string.Join('\n', Enumerable.Range(0, Pages.Count).Select(TextOf));

    /// <summary>The text at the left margin, in order and without white space, so that a wrapped text is in one piece.</summary>
    public string LeftColumn => WithoutSpace(string.Concat(Pages.SelectMany(page => page.Where(run => Math.Abs(run.X - 56) < 0.01)).Select(run => run.Text)));

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
        public int CodeOf(string character) => CodesOf(character).Single();

        public IEnumerable<int> CodesOf(string character) => characters.Where(entry => entry.Value == character).Select(entry => entry.Key);

        /// <param name="hex">Codes of four digits each.</param>
        /// <returns>The text of each code, and the points it moves on.</returns>
        public IEnumerable<(string Text, double Width)> Read(string hex, double size) =>
            hex.Chunk(4).Select(digits => Convert.ToInt32(new string(digits), 16)).Select(code => (characters[code], widths[code] * size / 1000));
    }

    /// <summary>One block of text is one run, with a part for each font. Text from right to left is turned around, as readers do.</summary>
    static Run Block(Match block, Dictionary<string, Font> fonts)
    {
        var (font, size, left, x, y) = ((Font?)null, 0.0, 0.0, 0.0, 0.0);
        var (start, end, isReplaced) = (double.NaN, 0.0, false);
        var (parts, texts) = (new List<(double X, string Text)>(), new List<string>());
        void EndPart()
        {
            var continuesLeft = parts.Count > 0 && start < parts[^1].X && !texts.Any(text => text.Any(char.IsLetterOrDigit));
            if (continuesLeft || texts.Any(text => text.Any(IsRightToLeft)))
            {
                texts.Reverse();
            }

            parts.Add((start, string.Concat(texts)));
            (start, _) = (double.NaN, end = Math.Max(end, x));
            texts.Clear();
        }

        foreach (Match step in Operation().Matches(block.Groups[1].Value))
        {
            if (step.Groups["font"].Success)
            {
                if (font is not null)
                {
                    EndPart();
                }

                (font, size) = (fonts[step.Groups["font"].Value], Real(step.Groups["size"]));
            }
            else if (step.Groups["x"].Success)
            {
                (left, y) = (left + Real(step.Groups["x"]), y + Real(step.Groups["y"]));
                x = left;
            }
            else if (step.Groups["replacement"].Success)
            {
                texts.Add(Encoding.BigEndianUnicode.GetString(Convert.FromHexString(step.Groups["replacement"].Value))[1..]);
                isReplaced = true;
            }
            else if (step.Groups["shown"].Success)
            {
                start = double.IsNaN(start) ? x : start;
                foreach (Match part in Shown().Matches(step.Groups["shown"].Value))
                {
                    var codes = part.Groups["codes"].Success ? font!.Read(part.Groups["codes"].Value, size).ToList() : [("", -Real(part.Groups["move"]) * size / 1000)];
                    x += codes.Sum(code => code.Width);
                    texts.AddRange(codes.Where(_ => !isReplaced).Select(code => code.Text));
                }
            }
            else
            {
                Assert.Equal("EMC", step.Value);
                isReplaced = false;
            }
        }

        EndPart();
        var first = parts.Min(part => part.X);
        return new Run(first, y, end - first, parts);
    }

    static bool IsRightToLeft(char character) => character is (>= '\u0590' and < '\u0900') or (>= '\ufb1d' and < '\ufe00') or (>= '\ufe70' and < '\uff00');

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
    [GeneratedRegex(@"^BT (.*) ET$", RegexOptions.Multiline)] private static partial Regex TextBlock();
    [GeneratedRegex(@"/(?<font>F\d+) (?<size>\S+) Tf|(?<x>\S+) (?<y>\S+) Td|\[(?<shown>[^\]]*)\] TJ|(?<shown><\w+>) Tj|/ActualText <(?<replacement>\w+)>|EMC")] private static partial Regex Operation();
    [GeneratedRegex(@"(\S+) (\S+) (\S+) (\S+) re\b")] private static partial Regex Rectangle();
    [GeneratedRegex(@"<(?<codes>\w+)>|(?<move>-?[\d.]+)")] private static partial Regex Shown();
}
