using System.Globalization;

namespace ControlPlane.Billing.Pdf;

/// <summary>
/// A text without line ends in one style. Inter draws what it has, glyph by glyph; the rest is shaped in the first fallback font that has it,
/// and what no font has is Inter's box. Its direction is that of its first strong character.
/// </summary>
/// <param name="text">As <see cref="TextWrap.Printable"/> returns it.</param>
sealed class Paragraph(string text, TextStyle style)
{
    // null: all of it reads from left to right.
    readonly int[]? levels = text.EnumerateRunes().Any(BidiClasses.IsRightToLeft) ? BidiLevels.Of(text) : null;

    /// <summary>A part of the text as one line; cut only between clusters.</summary>
    public TextLine Line(int start, int end)
    {
        var runs = new List<(int Level, TextRun Run)>();
        foreach (var (font, level, from, to) in Stretches(start, end))
        {
            runs.Add((level, font is null
                ? new TextRun(style.Font, Unshaped(text[from..to], level % 2 == 1))
                : new TextRun(font.TrueType, font.Shape(text[from..to], level % 2 == 1))));
        }

        var x = 0.0;
        var placed = new TextRun[runs.Count];
        foreach (var at in VisualOrder([.. runs.Select(run => run.Level)]))
        {
            placed[at] = runs[at].Run with { X = x };
            x += placed[at].Width(style.Size);
        }

        return new TextLine(placed, style, x);
    }

    /// <summary>Ends of the clusters in a part of the text: characters with their marks and joiners.</summary>
    public IEnumerable<int> ClusterEnds(int start, int end)
    {
        while (start < end)
        {
            start += StringInfo.GetNextTextElementLength(text.AsSpan(start, end - start));
            yield return start;
        }
    }

    /// <summary>Clusters of the same font and level side by side. No font: the style's own.</summary>
    IEnumerable<(FallbackFont? Font, int Level, int From, int To)> Stretches(int start, int end)
    {
        var (font, level, from, at) = ((FallbackFont?)null, 0, start, start);
        foreach (var next in ClusterEnds(start, end))
        {
            var cluster = text[at..next];
            var (nextFont, nextLevel) = (style.Font.Has(cluster) ? null : FallbackFont.For(cluster), levels?[at] ?? 0);
            if (at > from && (nextFont != font || nextLevel != level))
            {
                yield return (font, level, from, at);
                from = at;
            }

            (font, level, at) = (nextFont, nextLevel, next);
        }

        if (at > from)
        {
            yield return (font, level, from, at);
        }
    }

    List<Glyph> Unshaped(string part, bool rightToLeft)
    {
        var glyphs = new List<Glyph>();
        foreach (var rune in part.EnumerateRunes())
        {
            if (TextWrap.IsIgnorable(rune))
            {
                // Not drawn; copied with the character before it, unless it only steers the direction.
                if (glyphs.Count > 0 && rune.Value is < 0x2066 or > 0x2069)
                {
                    glyphs[^1] = glyphs[^1] with { Text = glyphs[^1].Text + rune };
                }

                continue;
            }

            var index = style.Font.GlyphFor(rightToLeft ? BidiLevels.Mirrored(rune) : rune, style.TabularFigures);
            glyphs.Add(new Glyph(index, rune.ToString(), style.Font.AdvanceOf(index)));
        }

        if (rightToLeft)
        {
            glyphs.Reverse();
        }

        return glyphs;
    }

    /// <summary>From the highest level down to the lowest odd one, everything at that level or above is reversed. Source: UAX #9, L2.</summary>
    /// <returns>Indices of the runs from left to right.</returns>
    static List<int> VisualOrder(int[] levels)
    {
        var order = Enumerable.Range(0, levels.Length).ToList();
        for (var level = levels.DefaultIfEmpty().Max(); level > 0; level--)
        {
            for (var first = 0; first < order.Count; first++)
            {
                var count = order.Skip(first).TakeWhile(run => levels[run] >= level).Count();
                order.Reverse(first, count);
                first += count;
            }
        }

        return order;
    }
}
