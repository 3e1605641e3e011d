using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace ControlPlane.Billing.Pdf;

/// <summary>The structure of a PDF 1.7 file: numbered objects, their cross-reference table and the trailer. Source: ISO 32000-1, 7.5.</summary>
sealed class PdfFile
{
    readonly List<byte> bytes = [];
    readonly List<int> offsets = [];

    // The second line marks the file as binary.
    public PdfFile() => Write("%PDF-1.7\n%\u00e2\u00e3\u00cf\u00d3\n");

    /// <summary>Reserves the number of an object that others refer to before <see cref="Set"/> writes it.</summary>
    public int Reserve()
    {
        offsets.Add(0);
        return offsets.Count;
    }

    public void Set(int number, string value)
    {
        Begin(number);
        Write($"{value}\nendobj\n");
    }

    public int Add(string value)
    {
        var number = Reserve();
        Set(number, value);
        return number;
    }

    /// <param name="content">Compressed when written.</param>
    /// <param name="entries">Entries of the stream's dictionary besides length and filter.</param>
    public int AddStream(ReadOnlySpan<byte> content, string entries = "")
    {
        var number = Reserve();
        var compressed = Deflate.Compress(content);
        Begin(number);
        Write($"<< /Length {compressed.Length} /Filter /FlateDecode {entries}>>\nstream\n");
        bytes.AddRange(compressed);
        Write("\nendstream\nendobj\n");
        return number;
    }

    /// <summary>The file's identifier is a digest of everything before the trailer: the same content has the same one.</summary>
    public byte[] Finish(int catalog, int info)
    {
        var id = Convert.ToHexString(SHA256.HashData([.. bytes]).AsSpan(0, 16));
        var start = bytes.Count;
        Write($"xref\n0 {offsets.Count + 1}\n0000000000 65535 f \n");
        foreach (var offset in offsets)
        {
            Write($"{offset:D10} 00000 n \n");
        }
        Write($"trailer\n<< /Size {offsets.Count + 1} /Root {catalog} 0 R /Info {info} 0 R /ID [<{id}> <{id}>] >>\nstartxref\n{start}\n%%EOF\n");
        return [.. bytes];
    }

    /// <summary>A text string in UTF-16, for metadata.</summary>
    public static string Text(string text) => $"<FEFF{Convert.ToHexString(Encoding.BigEndianUnicode.GetBytes(text))}>";

    public static string Date(DateTimeOffset date) => $"(D:{date.UtcDateTime.ToString("yyyyMMddHHmmss", CultureInfo.InvariantCulture)}Z)";

    /// <summary>A number in PDF's syntax: no exponent, a decimal point, at most three decimals.</summary>
    public static string Number(double value) => value.ToString("0.###", CultureInfo.InvariantCulture);

    void Begin(int number)
    {
        offsets[number - 1] = bytes.Count;
        Write($"{number} 0 obj\n");
    }

    void Write(FormattableString text) => Write(FormattableString.Invariant(text));

    void Write(string text) => bytes.AddRange(Encoding.Latin1.GetBytes(text));
}
