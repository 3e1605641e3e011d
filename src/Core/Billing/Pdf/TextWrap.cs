using System.Globalization;
using System.Text;

namespace ControlPlane.Billing.Pdf;

/// <summary>Breaks text into lines that fit a width: at spaces, and inside a word only when the word alone is too wide.</summary>
static class TextWrap
{
    /// <param name="width">Points. A single character that is wider still gets its line.</param>
    public static IEnumerable<TextLine> Lines(string text, TextStyle style, double width) =>
        Printable(text).Split('\n').SelectMany(paragraph => Lines(new Paragraph(paragraph, style), paragraph, width));

    static IEnumerable<TextLine> Lines(Paragraph paragraph, string text, double width)
    {
        // The line so far: words follow each other, so it is a part of the paragraph.
        var (start, end) = (0, 0);
        for (var (word, wordEnd) = (0, 0); word <= text.Length; word = wordEnd + 1)
        {
            wordEnd = text.IndexOf(' ', word) is >= 0 and var space ? space : text.Length;
            var lineStart = start == end ? word : start;
            if (paragraph.Line(lineStart, wordEnd).Width <= width)
            {
                (start, end) = (lineStart, wordEnd);
                continue;
            }

            if (end > start)
            {
                yield return paragraph.Line(start, end);
            }

            for ((start, end) = (word, wordEnd); paragraph.Line(start, end).Width > width && Fitting(paragraph, start, end, width) is var fit && fit < end; start = fit)
            {
                yield return paragraph.Line(start, fit);
            }
        }

        yield return paragraph.Line(start, end);
    }

    /// <summary>
    /// The text with only what can be drawn: other white space becomes a space, line ends become \n, and format characters go, except those that
    /// join or isolate: they change how their neighbours are drawn.
    /// </summary>
    public static string Printable(string text)
    {
        var printable = new StringBuilder(text.Length);
        foreach (var rune in text.ReplaceLineEndings("\n").EnumerateRunes())
        {
            switch (Rune.GetUnicodeCategory(rune))
            {
                case UnicodeCategory.Format when !IsIgnorable(rune):
                    break;
                case UnicodeCategory.Control when rune.Value != '\n':
                    printable.Append(' ');
                    break;
                default:
                    printable.Append(rune);
                    break;
            }
        }

        return printable.ToString();
    }

    /// <summary>Characters without a shape that can change their neighbours': joiners, isolates, variation selectors, and the tags of flag emoji.</summary>
    public static bool IsIgnorable(Rune rune) => rune.Value is 0x200C or 0x200D or (>= 0x2066 and <= 0x2069)
        or (>= 0xFE00 and <= 0xFE0F) or (>= 0xE0020 and <= 0xE007F) or (>= 0xE0100 and <= 0xE01EF);

    /// <returns>Where the part of a word that fits ends; behind its first cluster at least.</returns>
    static int Fitting(Paragraph paragraph, int start, int end, double width)
    {
        // Widths of clusters add up to about the whole's: shaping can change it.
        int[] ends = [.. paragraph.ClusterEnds(start, end)];
        var (count, used) = (0, 0.0);
        while (count < ends.Length && (count == 0 || used <= width))
        {
            used += paragraph.Line(count == 0 ? start : ends[count - 1], ends[count]).Width;
            count++;
        }

        while (count > 1 && paragraph.Line(start, ends[count - 1]).Width > width)
        {
            count--;
        }

        return ends[count - 1];
    }
}
