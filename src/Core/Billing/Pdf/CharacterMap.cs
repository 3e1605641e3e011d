using System.Text;
using static System.Buffers.Binary.BinaryPrimitives;

namespace ControlPlane.Billing.Pdf;

/// <summary>
/// The glyph of each code point: a font's <c>cmap</c> table in format 12 (all of Unicode) or format 4 (the first 65,536 code points).
/// Source: OpenType 1.9, "cmap". Entries that a damaged subtable lacks are not in the map.
/// </summary>
public sealed class CharacterMap
{
    readonly Dictionary<int, int> glyphs = [];

    /// <returns>A glyph index; 0, the font's "missing glyph" box, when the font has none.</returns>
    public int GlyphFor(Rune rune) => glyphs.GetValueOrDefault(rune.Value);

    /// <exception cref="InvalidDataException">No subtable in format 4 or 12.</exception>
    public static CharacterMap Read(ReadOnlySpan<byte> cmap)
    {
        var subtables = new Dictionary<int, int>();
        for (var record = 0; record < ReadUInt16BigEndian(cmap[2..]); record++)
        {
            var entry = cmap[(4 + 8 * record)..];
            var isUnicode = ReadUInt16BigEndian(entry) is 0 || (ReadUInt16BigEndian(entry), ReadUInt16BigEndian(entry[2..])) is (3, 1 or 10);
            var offset = (int)ReadUInt32BigEndian(entry[4..]);
            if (isUnicode && offset < cmap.Length - 1)
            {
                subtables.TryAdd(ReadUInt16BigEndian(cmap[offset..]), offset);
            }
        }
        var map = new CharacterMap();
        if (subtables.TryGetValue(12, out var groups))
        {
            map.ReadFormat12(cmap[groups..]);
        }
        else if (subtables.TryGetValue(4, out var segments))
        {
            map.ReadFormat4(cmap[segments..]);
        }
        else
        {
            throw new InvalidDataException("The font has no Unicode character map in format 4 or 12.");
        }
        return map;
    }

    void ReadFormat12(ReadOnlySpan<byte> table)
    {
        var count = Math.Min(ReadUInt32BigEndian(table[12..]), (uint)(table.Length - 16) / 12);
        for (var group = 0; group < count; group++)
        {
            var entry = table[(16 + 12 * group)..];
            var (first, last, glyph) = (ReadUInt32BigEndian(entry), ReadUInt32BigEndian(entry[4..]), ReadUInt32BigEndian(entry[8..]));
            for (var code = first; code <= Math.Min(last, 0x10FFFF) && glyph + (code - first) <= ushort.MaxValue; code++)
            {
                glyphs[(int)code] = (int)(glyph + (code - first));
            }
        }
    }

    void ReadFormat4(ReadOnlySpan<byte> table)
    {
        var twiceCount = ReadUInt16BigEndian(table[6..]);
        for (var segment = 0; segment < twiceCount; segment += 2)
        {
            var last = ReadUInt16BigEndian(table[(14 + segment)..]);
            var first = ReadUInt16BigEndian(table[(16 + twiceCount + segment)..]);
            var delta = ReadUInt16BigEndian(table[(16 + 2 * twiceCount + segment)..]);
            var offsetAt = 16 + 3 * twiceCount + segment;
            var offset = ReadUInt16BigEndian(table[offsetAt..]);
            // The last segment is the end marker 0xFFFF, which no character is.
            for (int code = first; code <= last && code < 0xFFFF; code++)
            {
                // A range offset counts from its own place in the table into the glyph array behind it.
                var at = offsetAt + offset + 2 * (code - first);
                var glyph = offset == 0 ? code : at + 2 <= table.Length ? ReadUInt16BigEndian(table[at..]) : 0;
                if (offset == 0 || glyph != 0)
                {
                    glyphs[code] = glyph + delta & 0xFFFF;
                }
            }
        }
    }
}
