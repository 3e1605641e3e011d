using System.Text;
using static System.Buffers.Binary.BinaryPrimitives;

namespace ControlPlane.Billing.Pdf;

/// <summary>Creates a font file with only the glyphs that a document draws, in the order given, followed by the parts of composite glyphs.</summary>
static class GlyphSubset
{
    // Flags of a composite glyph's part. Source: OpenType 1.9, "glyf".
    const int WordArguments = 0x0001, HasScale = 0x0008, MoreParts = 0x0020, HasTwoScales = 0x0040, HasMatrix = 0x0080;

    /// <param name="glyphs">Indices in <paramref name="font"/>; the first has to be 0. One may appear twice: each code of a PDF font has one meaning.</param>
    public static byte[] Of(TrueTypeFont font, IReadOnlyList<int> glyphs)
    {
        var kept = glyphs.ToList();
        var outlines = new MemoryStream();
        var offsets = new List<int>();
        // The list grows while its composite glyphs are read.
        for (var i = 0; i < kept.Count; i++)
        {
            offsets.Add((int)outlines.Length);
            outlines.Write(WithRenumberedParts(font.OutlineOf(kept[i]), kept));
            outlines.Write(new byte[-outlines.Length & 3]);
        }
        offsets.Add((int)outlines.Length);

        var head = font.Table("head").ToArray();
        WriteUInt32BigEndian(head.AsSpan(8), 0); // the file's checksum, filled in last
        WriteInt16BigEndian(head.AsSpan(50), 1); // four-byte offsets in loca
        var tables = new SortedDictionary<string, byte[]>(StringComparer.Ordinal)
        {
            ["glyf"] = outlines.ToArray(),
            ["head"] = head,
            ["hhea"] = WithCount(font.Table("hhea"), 34, kept.Count),
            ["hmtx"] = [.. kept.SelectMany(glyph => (byte[])[.. UInt16(font.AdvanceOf(glyph)), .. UInt16(font.LeftBearingOf(glyph))])],
            ["loca"] = [.. offsets.SelectMany(UInt32)],
            ["maxp"] = WithCount(font.Table("maxp"), 4, kept.Count),
        };
        foreach (var hinting in (string[])["cvt ", "fpgm", "prep"])
        {
            if (font.FindTable(hinting) is { IsEmpty: false } table)
            {
                tables[hinting] = table.ToArray();
            }
        }
        return File(tables);
    }

    static byte[] WithRenumberedParts(ReadOnlySpan<byte> outline, List<int> kept)
    {
        var copy = outline.ToArray();
        if (copy.Length == 0 || ReadInt16BigEndian(copy) >= 0)
        {
            return copy;
        }
        int flags;
        var at = 10;
        do
        {
            flags = ReadUInt16BigEndian(copy.AsSpan(at));
            var part = ReadUInt16BigEndian(copy.AsSpan(at + 2));
            if (!kept.Contains(part))
            {
                kept.Add(part);
            }
            WriteUInt16BigEndian(copy.AsSpan(at + 2), (ushort)kept.IndexOf(part));
            at += 4 + ((flags & WordArguments) != 0 ? 4 : 2)
                + ((flags & HasScale) != 0 ? 2 : (flags & HasTwoScales) != 0 ? 4 : (flags & HasMatrix) != 0 ? 8 : 0);
        }
        while ((flags & MoreParts) != 0);
        return copy;
    }

    static byte[] File(SortedDictionary<string, byte[]> tables)
    {
        var searched = 1 << (int)Math.Log2(tables.Count);
        List<byte> file = [.. UInt32(0x00010000), .. UInt16(tables.Count), .. UInt16(16 * searched), .. UInt16((int)Math.Log2(searched)), .. UInt16(16 * (tables.Count - searched))];
        var offset = 12 + 16 * tables.Count;
        var headAt = 0;
        foreach (var (tag, table) in tables)
        {
            headAt = tag == "head" ? offset : headAt;
            file.AddRange([.. Encoding.ASCII.GetBytes(tag), .. UInt32((int)Checksum(table)), .. UInt32(offset), .. UInt32(table.Length)]);
            offset += table.Length + 3 & ~3;
        }
        foreach (var table in tables.Values)
        {
            file.AddRange([.. table, .. new byte[-table.Length & 3]]);
        }
        var bytes = file.ToArray();
        WriteUInt32BigEndian(bytes.AsSpan(headAt + 8), 0xB1B0AFBA - Checksum(bytes));
        return bytes;
    }

    static uint Checksum(byte[] table)
    {
        var sum = 0u;
        for (var at = 0; at < table.Length; at++)
        {
            sum += (uint)table[at] << 8 * (3 - at % 4);
        }
        return sum;
    }

    static byte[] WithCount(ReadOnlySpan<byte> table, int at, int count)
    {
        var copy = table.ToArray();
        WriteUInt16BigEndian(copy.AsSpan(at), (ushort)count);
        return copy;
    }

    static byte[] UInt16(int value) => [(byte)(value >> 8), (byte)value];

    static byte[] UInt32(int value) => [.. UInt16(value >> 16), .. UInt16(value)];
}
