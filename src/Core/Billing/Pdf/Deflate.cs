using System.Buffers.Binary;

namespace ControlPlane.Billing.Pdf;

/// <summary>
/// The zlib format (RFC 1950) with one block of fixed Huffman codes (RFC 1951). ZLibStream compresses better, but its
/// output differs between .NET versions and processors, and an invoice must have the same bytes for as long as it is kept.
/// </summary>
public static class Deflate
{
    const int MinMatch = 3;
    const int MaxMatch = 258;
    const int Window = 32 * 1024;
    const int MaxTries = 32;
    const int EndOfBlock = 256;

    // RFC 1951, 3.2.5: the first value of each code; the bits that follow it count from there.
    static readonly int[] Lengths = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];
    static readonly int[] LengthBits = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
    static readonly int[] Distances = [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577];

    public static byte[] Compress(ReadOnlySpan<byte> data)
    {
        var bits = new BitWriter();
        bits.Write(0x9C78, 16); // zlib header: deflate, 32 KB window
        bits.Write(0b01_1, 3); // last block, fixed codes
        var latest = new Dictionary<int, int>();
        var earlier = new int[data.Length];
        for (var at = 0; at < data.Length;)
        {
            var (length, distance) = LongestMatch(data, at, latest, earlier);
            if (length == 0)
            {
                bits.WriteSymbol(data[at]);
            }
            else
            {
                WriteMatch(bits, length, distance);
            }
            for (var end = at + Math.Max(length, 1); at < end; at++)
            {
                Remember(data, at, latest, earlier);
            }
        }
        bits.WriteSymbol(EndOfBlock);
        return [.. bits.ToArray(), .. Adler32(data)];
    }

    static (int Length, int Distance) LongestMatch(ReadOnlySpan<byte> data, int at, Dictionary<int, int> latest, int[] earlier)
    {
        var best = (Length: 0, Distance: 0);
        if (at + MinMatch > data.Length || !latest.TryGetValue(Key(data, at), out var candidate))
        {
            return best;
        }
        var rest = data[at..Math.Min(at + MaxMatch, data.Length)];
        for (var tries = 0; tries < MaxTries && candidate >= 0 && at - candidate <= Window; tries++, candidate = earlier[candidate])
        {
            var length = rest.CommonPrefixLength(data[candidate..]);
            best = length > best.Length ? (length, at - candidate) : best;
        }
        return best;
    }

    static void Remember(ReadOnlySpan<byte> data, int at, Dictionary<int, int> latest, int[] earlier)
    {
        if (at + MinMatch <= data.Length)
        {
            earlier[at] = latest.GetValueOrDefault(Key(data, at), -1);
            latest[Key(data, at)] = at;
        }
    }

    static int Key(ReadOnlySpan<byte> data, int at) => data[at] << 16 | data[at + 1] << 8 | data[at + 2];

    static void WriteMatch(BitWriter bits, int length, int distance)
    {
        var code = Array.FindLastIndex(Lengths, first => first <= length);
        bits.WriteSymbol(EndOfBlock + 1 + code);
        bits.Write(length - Lengths[code], LengthBits[code]);
        code = Array.FindLastIndex(Distances, first => first <= distance);
        bits.WriteCode(code, 5);
        bits.Write(distance - Distances[code], Math.Max(0, code / 2 - 1));
    }

    static byte[] Adler32(ReadOnlySpan<byte> data)
    {
        const uint Modulus = 65521;
        uint a = 1, b = 0;
        foreach (var value in data)
        {
            a = (a + value) % Modulus;
            b = (b + a) % Modulus;
        }
        var sum = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(sum, b << 16 | a);
        return sum;
    }

    sealed class BitWriter
    {
        readonly List<byte> bytes = [];
        int pending, count;

        public void Write(int value, int bits)
        {
            pending |= value << count;
            for (count += bits; count >= 8; count -= 8, pending >>= 8)
            {
                bytes.Add((byte)pending);
            }
        }

        /// <summary>Huffman codes go out most significant bit first, everything else least significant bit first.</summary>
        public void WriteCode(int code, int bits)
        {
            for (var bit = bits - 1; bit >= 0; bit--)
            {
                Write(code >> bit & 1, 1);
            }
        }

        /// <summary>RFC 1951, 3.2.6: the fixed codes of literals and lengths.</summary>
        public void WriteSymbol(int symbol)
        {
            var (code, bits) = symbol switch
            {
                < 144 => (0x30 + symbol, 8),
                < 256 => (0x190 + symbol - 144, 9),
                < 280 => (symbol - 256, 7),
                _ => (0xC0 + symbol - 280, 8),
            };
            WriteCode(code, bits);
        }

        public byte[] ToArray()
        {
            Write(0, (8 - count) % 8);
            return [.. bytes];
        }
    }
}
