using System.Text;
using static System.Buffers.Binary.BinaryPrimitives;

namespace ControlPlane.Billing.Pdf;

/// <summary>The parts of a TrueType font file that a PDF needs: metrics, characters and outlines. Source: OpenType 1.9, chapters named like the tables.</summary>
public sealed class TrueTypeFont
{
    readonly byte[] file;
    readonly Dictionary<string, Range> tables = [];
    readonly CharacterMap characters;
    readonly Dictionary<int, int> tabular;
    readonly int advances;
    readonly bool hasLongOffsets;

    /// <exception cref="InvalidDataException">Not a TrueType font, or a required table is missing.</exception>
    public TrueTypeFont(string name, byte[] file)
    {
        (Name, this.file) = (name, file);
        if (file.Length < 12 || ReadUInt32BigEndian(file) != 0x00010000)
        {
            throw new InvalidDataException($"{name} is not a TrueType font.");
        }
        for (var record = 0; record < ReadUInt16BigEndian(file.AsSpan(4)); record++)
        {
            var entry = file.AsSpan(12 + 16 * record);
            var start = (int)ReadUInt32BigEndian(entry[8..]);
            tables[Encoding.ASCII.GetString(entry[..4])] = start..(start + (int)ReadUInt32BigEndian(entry[12..]));
        }
        UnitsPerEm = ReadUInt16BigEndian(Table("head")[18..]);
        hasLongOffsets = ReadInt16BigEndian(Table("head")[50..]) != 0;
        Ascent = ReadInt16BigEndian(Table("hhea")[4..]);
        Descent = ReadInt16BigEndian(Table("hhea")[6..]);
        advances = ReadUInt16BigEndian(Table("hhea")[34..]);
        CapHeight = FindTable("OS/2") is { Length: >= 90 } os2 ? ReadInt16BigEndian(os2[88..]) : Ascent;
        GlyphCount = ReadUInt16BigEndian(Table("maxp")[4..]);
        characters = CharacterMap.Read(Table("cmap"));
        tabular = TabularFigures.Read(FindTable("GSUB"));
    }

    /// <summary>The PostScript name, for example <c>Inter-Regular</c>.</summary>
    public string Name { get; }

    /// <summary>Font units per em; all other measures of the font are in these units.</summary>
    public int UnitsPerEm { get; }

    public int Ascent { get; }

    /// <summary>Below the baseline, so negative.</summary>
    public int Descent { get; }

    public int CapHeight { get; }
    public int GlyphCount { get; }

    /// <summary>Left, bottom, right and top of a box that holds every glyph.</summary>
    public int[] Box => [.. Enumerable.Range(0, 4).Select(side => (int)ReadInt16BigEndian(Table("head")[(36 + 2 * side)..]))];

    /// <returns>A glyph index; 0 when the font lacks the character.</returns>
    public int GlyphFor(Rune rune, bool tabularFigures = false)
    {
        var glyph = characters.GlyphFor(rune);
        glyph = tabularFigures ? tabular.GetValueOrDefault(glyph, glyph) : glyph;
        return glyph < GlyphCount ? glyph : 0;
    }

    /// <summary>Whether the font can draw every character of a text that has a shape.</summary>
    public bool Has(string text) => text.EnumerateRunes().All(rune => TextWrap.IsIgnorable(rune) || GlyphFor(rune) > 0);

    /// <summary>Glyphs after the last stored advance share it; fonts omit repeated widths this way.</summary>
    public int AdvanceOf(int glyph) => ReadUInt16BigEndian(Table("hmtx")[(4 * Math.Min(glyph, advances - 1))..]);

    public int LeftBearingOf(int glyph) =>
        ReadInt16BigEndian(Table("hmtx")[(glyph < advances ? 4 * glyph + 2 : 4 * advances + 2 * (glyph - advances))..]);

    /// <returns>The glyph's entry in <c>glyf</c>; empty for one that draws nothing, like the space.</returns>
    public ReadOnlySpan<byte> OutlineOf(int glyph) => Table("glyf")[Offset(glyph)..Offset(glyph + 1)];

    public ReadOnlySpan<byte> Table(string tag) => tables.ContainsKey(tag) ? FindTable(tag) : throw new InvalidDataException($"{Name} has no table '{tag}'.");

    /// <returns>Empty when the font has no such table.</returns>
    public ReadOnlySpan<byte> FindTable(string tag) => tables.TryGetValue(tag, out var range) ? file.AsSpan(range) : [];

    int Offset(int glyph) => hasLongOffsets
        ? (int)ReadUInt32BigEndian(Table("loca")[(4 * glyph)..])
        : 2 * ReadUInt16BigEndian(Table("loca")[(2 * glyph)..]);
}
