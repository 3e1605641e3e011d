using System.Globalization;
using System.IO.Compression;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;

namespace ControlPlane.Metering.Overflow;

/// <summary>
/// A file of the spool: <c>{time}-{random}-{events}.json.gz</c>, compressed lines of <see cref="OverflowDelivery"/>. File names sort by the time of
/// writing.
/// </summary>
/// <param name="Bytes">Size on disk.</param>
public sealed record SpoolFile(string Path, long Bytes)
{
    const string Extension = ".json.gz";
    const int BlockBytes = 4096;
    const string TimeFormat = "yyyyMMdd'T'HHmmss'.'fffffff'Z'";

    public string Name => System.IO.Path.GetFileName(Path);

    /// <summary>Number of events; 0 when the file was renamed by hand.</summary>
    public int Events => Parts is [_, _, var events] && int.TryParse(events, CultureInfo.InvariantCulture, out var count) ? count : 0;

    /// <summary>When it was written, by the machine's clock; null when the file was renamed by hand.</summary>
    public DateTimeOffset? WrittenAt =>
        DateTimeOffset.TryParseExact(Parts[0], TimeFormat, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) ? at : null;

    string[] Parts => Name[..^Extension.Length].Split('-');

    public static string NewName(DateTimeOffset now, int events) => string.Create(
        CultureInfo.InvariantCulture,
        $"{now.UtcDateTime.ToString(TimeFormat, CultureInfo.InvariantCulture)}-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}-{events}{Extension}");

    /// <summary>Name of a file with a single line of this one.</summary>
    public string LineFileName(int line, int events) => string.Create(
        CultureInfo.InvariantCulture, $"{string.Join('-', Parts.Take(2))}.{line}-{events}{Extension}");

    public static string ReasonFileName(string name) => name[..^Extension.Length] + ".reason.txt";

    /// <summary>Size on disk of a file of this length, in whole blocks.</summary>
    public static long SizeOnDisk(long length) => (length + BlockBytes - 1) / BlockBytes * BlockBytes;

    public static bool AnyIn(string folder) => Directory.EnumerateFiles(folder, "*" + Extension).Any();

    /// <summary>The complete files of a folder, ordered by name.</summary>
    public static IEnumerable<SpoolFile> AllIn(string folder)
    {
        foreach (var path in Directory.GetFiles(folder, "*" + Extension).Order(StringComparer.Ordinal))
        {
            // Another process on the same folder may have deleted it.
            if (new FileInfo(path) is { Exists: true } file)
            {
                yield return new SpoolFile(path, SizeOnDisk(file.Length));
            }
        }
    }

    /// <summary>The deliveries with their line numbers, from 1.</summary>
    /// <exception cref="InvalidDataException">The rest of the file is unreadable.</exception>
    /// <exception cref="FileNotFoundException">Another process has drained and deleted it.</exception>
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

        // A truncated file may still be valid gzip.
        if (line == 0 || (Events > 0 && events != Events))
        {
            throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture, $"The file is incomplete: it has {events} of {Events} events."));
        }
    }
}
