using System.Text;
using static System.Buffers.Binary.BinaryPrimitives;

namespace ControlPlane.Billing.Pdf;

/// <summary>
/// Digits of equal width, so that amounts align in a column: the single substitutions of a font's <c>tnum</c> feature.
/// Source: OpenType 1.9, "GSUB". A font without the feature keeps its digits.
/// </summary>
static class TabularFigures
{
    const int SingleSubstitution = 1;

    /// <returns>The tabular glyph of each ordinary glyph that has one.</returns>
    public static Dictionary<int, int> Read(ReadOnlySpan<byte> gsub)
    {
        var substitutes = new Dictionary<int, int>();
        if (gsub.IsEmpty)
        {
            return substitutes;
        }
        var features = gsub[ReadUInt16BigEndian(gsub[6..])..];
        var lookups = gsub[ReadUInt16BigEndian(gsub[8..])..];
        for (var record = 0; record < ReadUInt16BigEndian(features); record++)
        {
            var entry = features[(2 + 6 * record)..];
            if (Encoding.ASCII.GetString(entry[..4]) == "tnum")
            {
                var feature = features[ReadUInt16BigEndian(entry[4..])..];
                for (var i = 0; i < ReadUInt16BigEndian(feature[2..]); i++)
                {
                    var lookup = ReadUInt16BigEndian(feature[(4 + 2 * i)..]);
                    ReadLookup(lookups[ReadUInt16BigEndian(lookups[(2 + 2 * lookup)..])..], substitutes);
                }
            }
        }
        return substitutes;
    }

    static void ReadLookup(ReadOnlySpan<byte> lookup, Dictionary<int, int> substitutes)
    {
        if (ReadUInt16BigEndian(lookup) != SingleSubstitution)
        {
            return;
        }
        for (var i = 0; i < ReadUInt16BigEndian(lookup[4..]); i++)
        {
            var subtable = lookup[ReadUInt16BigEndian(lookup[(6 + 2 * i)..])..];
            var addsDelta = ReadUInt16BigEndian(subtable) == 1;
            var index = 0;
            foreach (var glyph in Coverage(subtable[ReadUInt16BigEndian(subtable[2..])..]))
            {
                var value = ReadUInt16BigEndian(subtable[(addsDelta ? 4 : 6 + 2 * index++)..]);
                substitutes.TryAdd(glyph, addsDelta ? glyph + value & 0xFFFF : value);
            }
        }
    }

    static List<int> Coverage(ReadOnlySpan<byte> table)
    {
        var glyphs = new List<int>();
        var isList = ReadUInt16BigEndian(table) == 1;
        for (var i = 0; i < ReadUInt16BigEndian(table[2..]); i++)
        {
            var first = ReadUInt16BigEndian(table[(isList ? 4 + 2 * i : 4 + 6 * i)..]);
            var last = isList ? first : ReadUInt16BigEndian(table[(6 + 6 * i)..]);
            glyphs.AddRange(Enumerable.Range(first, last - first + 1));
        }
        return glyphs;
    }
}
