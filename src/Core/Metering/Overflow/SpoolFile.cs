using System.Globalization;
using System.IO.Compression;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;

namespace ControlPlane.Metering.Overflow;

/// <summary>
/// A file of the spool: <c>{time}-{random}-{events}.json.gz</c>, compressed lines of <see cref="OverflowDelivery"/>. Names in order are files in the
/// order they were written.
/// </summary>
/// <param name="Bytes">On disk.</param>
public sealed record SpoolFile(string Path, long Bytes)
{
    const string Extension = ".json.gz";
    const int BlockBytes = 4096;
    const string Time = "yyyyMMdd'T'HHmmss'.'fffffff'Z'";

    public string Name => System.IO.Path.GetFileName(Path);

    /// <summary>How many it holds; 0 when a person gave it another name.</summary>
    public int Events => Parts is [_, _, var events] && int.TryParse(events, CultureInfo.InvariantCulture, out var count) ? count : 0;

    /// <summary>When it was written, on the machine's clock; null when a person gave it another name.</summary>
    public DateTimeOffset? WrittenAt =>
        DateTimeOffset.TryParseExact(Parts[0], Time, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) ? at : null;

    string[] Parts => Name[..^Extension.Length].Split('-');

    public static string NewName(DateTimeOffset now, int events) => string.Create(
        CultureInfo.InvariantCulture,
        $"{now.UtcDateTime.ToString(Time, CultureInfo.InvariantCulture)}-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}-{events}{Extension}");

    /// <summary>What the file of a single line of this one is called.</summary>
    public string NameOfLine(int line, int events) => string.Create(
        CultureInfo.InvariantCulture, $"{string.Join('-', Parts.Take(2))}.{line}-{events}{Extension}");

    public static string ReasonOf(string name) => name[..^Extension.Length] + ".reason.txt";

    /// <summary>What a file of this length takes of a disk: whole blocks.</summary>
    public static long OnDisk(long length) => (length + BlockBytes - 1) / BlockBytes * BlockBytes;

    public static bool Any(string folder) => Directory.EnumerateFiles(folder, "*" + Extension).Any();

    /// <summary>The whole files of a folder, in the order of their names.</summary>
    public static IEnumerable<SpoolFile> In(string folder)
    {
        foreach (var path in Directory.GetFiles(folder, "*" + Extension).Order(StringComparer.Ordinal))
        {
            // Another process on the same folder may be done with it already.
            if (new FileInfo(path) is { Exists: true } file)
            {
                yield return new SpoolFile(path, OnDisk(file.Length));
            }
        }
    }

    /// <summary>Its deliveries with their lines, counted from 1.</summary>
    /// <exception cref="InvalidDataException">From here on it cannot be read.</exception>
    /// <exception cref="FileNotFoundException">Somebody else was done with it.</exception>
    public async IAsyncEnumerable<(int Line, OverflowDelivery Delivery)> ReadAsync([EnumeratorCancellation] CancellationToken ct)
    {
        using var lines = new StreamReader(new GZipStream(File.OpenRead(Path), CompressionMode.Decompress), Encoding.UTF8);
        var (line, events) = (0, 0);
        while (await lines.ReadLineAsync(ct) is { } json)
        {
            var delivery = OverflowDelivery.Parse(Encoding.UTF8.GetBytes(json));
            events += delivery.Events.Count;
            yield return (++line, delivery);
        }

        // A file that lost its end may still look like one.
        if (line == 0 || (Events > 0 && events != Events))
        {
            throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture, $"It is not whole: {events} events of {Events}."));
        }
    }
}
