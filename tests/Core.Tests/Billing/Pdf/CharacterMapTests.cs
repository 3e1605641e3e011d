using System.Text;
using ControlPlane.Billing.Pdf;

namespace ControlPlane.Tests.Billing.Pdf;

public class CharacterMapTests
{
    static int[] UInt32(int value) => [value >> 16, value & 0xFFFF];

    // A, B and C by adding a delta; x and y through the glyph array, where y is missing; then the end marker.
    static readonly int[] Format4 =
        [4, 44, 0, 6, 0, 0, 0, 'C', 'y', 0xFFFF, 0, 'A', 'x', 0xFFFF, 0x10000 - 'A' + 7, 1, 1, 0, 4, 0, 40, 0];

    // A and B, and two characters beyond the first 65,536.
    static readonly int[] Format12 =
        [12, 0, .. UInt32(40), .. UInt32(0), .. UInt32(2), .. UInt32('A'), .. UInt32('B'), .. UInt32(70), .. UInt32(0x1F600), .. UInt32(0x1F601), .. UInt32(90)];

    [Theory]
    [InlineData('A', 7)]
    [InlineData('C', 9)]
    [InlineData('D', 0)]
    [InlineData('x', 41)]
    [InlineData('y', 0)]
    [InlineData(0x1F600, 0)]
    public void Format_4_maps_segments(int character, int glyph) =>
        Assert.Equal(glyph, CharacterMap.Read(Table((3, 1, Format4))).GlyphFor(new Rune(character)));

    [Theory]
    [InlineData('A', 70)]
    [InlineData('B', 71)]
    [InlineData('C', 0)]
    [InlineData(0x1F601, 91)]
    public void Format_12_maps_all_of_Unicode_and_comes_first(int character, int glyph) =>
        Assert.Equal(glyph, CharacterMap.Read(Table((3, 1, Format4), (3, 10, Format12))).GlyphFor(new Rune(character)));

    [Fact]
    public void A_count_larger_than_the_table_is_truncated()
    {
        int[] damaged = [.. Format12[..6], .. UInt32(int.MaxValue), .. Format12[8..]];
        Assert.Equal(91, CharacterMap.Read(Table((0, 4, damaged))).GlyphFor(new Rune(0x1F601)));
    }

    [Fact]
    public void A_symbol_font_is_rejected() =>
        Assert.Throws<InvalidDataException>(() => CharacterMap.Read(Table((3, 0, Format4))));

    [Fact]
    public void A_file_that_is_not_a_font_is_rejected() =>
        Assert.Throws<InvalidDataException>(() => new TrueTypeFont("Text", "This is not a font."u8.ToArray()));

    static byte[] Table(params (int Platform, int Encoding, int[] Words)[] subtables)
    {
        List<int> words = [0, subtables.Length];
        var offset = 4 + 8 * subtables.Length;
        foreach (var (platform, encoding, subtable) in subtables)
        {
            words.AddRange([platform, encoding, .. UInt32(offset)]);
            offset += 2 * subtable.Length;
        }
        words.AddRange(subtables.SelectMany(subtable => subtable.Words));
        return [.. words.SelectMany(word => (byte[])[(byte)(word >> 8), (byte)word])];
    }
}
