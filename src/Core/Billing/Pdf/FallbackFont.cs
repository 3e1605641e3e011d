using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Text;
using HarfBuzzSharp;
using Buffer = HarfBuzzSharp.Buffer;

namespace ControlPlane.Billing.Pdf;

/// <summary>One glyph as it is drawn, in units of its font.</summary>
/// <param name="Index">In the font; 0 is its box for a missing character.</param>
/// <param name="Text">What it stands for when the text is copied; empty for a glyph that belongs to the one before it.</param>
/// <param name="Advance">From its origin to the next glyph's, after shaping.</param>
/// <param name="X">Offset to the right of the origin.</param>
/// <param name="Y">Offset above the baseline.</param>
readonly record struct Glyph(int Index, string Text, int Advance, int X = 0, int Y = 0);

/// <summary>
/// A font for text that Inter lacks, shaped by HarfBuzz: joined letters, ligatures, positioned marks. In whole font units, so every machine gets the same result.
/// The files are in Fonts/ (see its README.md) and are embedded by the build.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "Fonts are kept for the life of the process.")]
sealed class FallbackFont
{
    // The large ones last: a font is loaded when it is asked for the first time. Punctuation of East Asia comes from the Chinese one.
    static readonly Lazy<FallbackFont>[] All =
    [
        new(() => new FallbackFont("NotoSansArabic-Regular")),
        new(() => new FallbackFont("NotoSansHebrew_400Regular")),
        new(() => new FallbackFont("NotoSansThai_400Regular")),
        new(() => new FallbackFont("NotoEmoji_400Regular")),
        new(() => new FallbackFont("NotoSansSC_400Regular")),
        new(() => new FallbackFont("NanumGothic_400Regular")),
    ];

    static readonly Rune ZeroWidthSpace = new(0x200B);

    readonly Font shaping;

    FallbackFont(string name)
    {
        var file = EmbeddedFont.Read($"{name}.ttf");
        TrueType = new TrueTypeFont(name.Replace("_400", "-", StringComparison.Ordinal), file);
        // HarfBuzz keeps the pointer for the life of the process, as the font is kept.
        var blob = new Blob(GCHandle.Alloc(file, GCHandleType.Pinned).AddrOfPinnedObject(), file.Length, MemoryMode.ReadOnly);
        shaping = new Font(new Face(blob, 0));
        shaping.SetScale(TrueType.UnitsPerEm, TrueType.UnitsPerEm);
        shaping.SetFunctionsOpenType();
    }

    public TrueTypeFont TrueType { get; }

    /// <param name="cluster">A character with its marks and joiners.</param>
    /// <returns>The first font that has all of it; <c>null</c> when none has.</returns>
    public static FallbackFont? For(string cluster) => All.Select(font => font.Value).FirstOrDefault(font => font.TrueType.Has(cluster));

    /// <param name="text">In logical order.</param>
    /// <returns>Glyphs from left to right.</returns>
    public List<Glyph> Shape(string text, bool rightToLeft)
    {
        using var buffer = new Buffer { ClusterLevel = ClusterLevel.MonotoneCharacters, Flags = BufferFlags.RemoveDefaultIgnorables };
        buffer.AddUtf16(text);
        buffer.GuessSegmentProperties();
        buffer.Direction = rightToLeft ? Direction.RightToLeft : Direction.LeftToRight;
        shaping.Shape(buffer);
        var (infos, positions) = (buffer.GlyphInfos, buffer.GlyphPositions);
        // A cluster's text ends where the next one's begins, whichever way the text runs.
        int[] starts = [.. infos.Select(info => (int)info.Cluster).Distinct().Order(), text.Length];
        var seen = new HashSet<uint>();
        var glyphs = new List<Glyph>();
        foreach (var (info, position) in infos.Zip(positions))
        {
            var start = (int)info.Cluster;
            var covered = seen.Add(info.Cluster) ? text[start..starts[Array.IndexOf(starts, start) + 1]] : "";
            glyphs.Add(new Glyph((int)info.Codepoint, covered, position.XAdvance, position.XOffset, position.YOffset));
        }

        return rightToLeft ? [.. glyphs.SelectMany(WithReversedText)] : glyphs;
    }

    /// <summary>
    /// A ligature such as lam with alef: readers turn around what they find from left to right, character by character, so the text is given that way:
    /// the characters after the first on glyphs without width or outline in front of it.
    /// </summary>
    IEnumerable<Glyph> WithReversedText(Glyph glyph)
    {
        Rune[] characters = [.. glyph.Text.EnumerateRunes()];
        var blank = TrueType.GlyphFor(ZeroWidthSpace);
        return characters.Length < 2 || blank == 0 || !characters.Any(BidiClasses.IsRightToLeft)
            ? [glyph]
            : [.. characters.Skip(1).Reverse().Select(character => new Glyph(blank, character.ToString(), 0)), glyph with { Text = characters[0].ToString() }];
    }
}
