using System.Globalization;
using System.Text;

namespace ControlPlane.Billing.Pdf;

/// <summary>Breaks text into lines that fit a width: at spaces, and inside a word only when the word alone is too wide.</summary>
static class TextWrap
{
    /// <param name="width">Points. A single character that is wider still gets its line.</param>
    public static IEnumerable<string> Lines(string text, TextStyle style, double width)
    {
        foreach (var paragraph in Printable(text).Split('\n'))
        {
            var line = "";
            foreach (var word in paragraph.Split(' '))
            {
                var longer = line.Length == 0 ? word : $"{line} {word}";
                if (style.WidthOf(longer) <= width)
                {
                    line = longer;
                    continue;
                }
                if (line.Length > 0)
                {
                    yield return line;
                }
                for (line = word; style.WidthOf(line) > width && Fitting(line, style, width) is var fit && fit < line.Length; line = line[fit..])
                {
                    yield return line[..fit];
                }
            }
            yield return line;
        }
    }

    /// <summary>The text with only what can be drawn: other white space becomes a space, line ends become \n, and what steers text without a shape of its own goes.</summary>
    public static string Printable(string text)
    {
        var printable = new StringBuilder(text.Length);
        foreach (var rune in text.ReplaceLineEndings("\n").EnumerateRunes())
        {
            switch (Rune.GetUnicodeCategory(rune))
            {
                case UnicodeCategory.Format:
                case UnicodeCategory.NonSpacingMark when rune.Value is >= 0xFE00 and <= 0xFE0F: // variation selectors
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

    /// <returns>How many chars of a word fit; at least its first character.</returns>
    static int Fitting(string word, TextStyle style, double width)
    {
        var (end, used) = (0, 0.0);
        foreach (var rune in word.EnumerateRunes())
        {
            used += style.WidthOf(rune.ToString());
            if (end > 0 && used > width)
            {
                break;
            }
            end += rune.Utf16SequenceLength;
        }
        return end;
    }
}
