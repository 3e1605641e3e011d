using System.Globalization;
using System.IO.Compression;
using CsvHelper;

namespace ControlPlane.Demo;

/// <summary>One LLM call of a trace. A trace names no tenant, user or model.</summary>
/// <param name="ArrivedAt">As in the file; UTC when it has no offset.</param>
public sealed record TraceCall(DateTimeOffset ArrivedAt, long PromptTokens, long CompletionTokens);

/// <summary>
/// Reads traces as CSV with the header <c>TIMESTAMP,ContextTokens,GeneratedTokens</c>, plain or gzipped: the format of the Azure LLM
/// inference traces (github.com/Azure/AzurePublicDataset).
/// </summary>
public static class TraceFile
{
    /// <returns>The calls of all files in order of arrival.</returns>
    /// <exception cref="CommandFailedException">A file is missing or a row is malformed; the message names both.</exception>
    public static List<TraceCall> ReadAll(IEnumerable<FileInfo> files) => [.. files.SelectMany(Read).OrderBy(call => call.ArrivedAt)];

    static List<TraceCall> Read(FileInfo file)
    {
        if (!file.Exists)
        {
            throw new CommandFailedException($"Trace file not found: {file.FullName}");
        }

        using var stream = file.OpenRead();
        using var text = new StreamReader(file.Extension == ".gz" ? new GZipStream(stream, CompressionMode.Decompress) : stream);
        return Read(text, file.Name);
    }

    /// <param name="name">For messages.</param>
    public static List<TraceCall> Read(TextReader text, string name)
    {
        using var csv = CsvReader.Create(text, Options);
        try
        {
            var calls = new List<TraceCall>();
            while (csv.Read())
            {
                calls.Add(new TraceCall(csv.Parse("TIMESTAMP", ArrivedAt), Tokens(csv, "ContextTokens"), Tokens(csv, "GeneratedTokens")));
            }

            return calls.Count > 0 ? calls : throw new CommandFailedException($"The trace {name} has no rows.");
        }
        catch (Exception e) when (e is FormatException or OverflowException or KeyNotFoundException or ArgumentException or InvalidDataException)
        {
            throw new CommandFailedException(
                $"The trace {name} cannot be read at row {csv.RowNumber}: the columns TIMESTAMP, ContextTokens and GeneratedTokens are required.");
        }
    }

    static DateTimeOffset ArrivedAt(string text, IFormatProvider? format) =>
        DateTimeOffset.Parse(text, format, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal);

    static long Tokens(CsvReader csv, string column) => csv.Parse<long>(column) is >= 0 and var tokens ? tokens : throw new FormatException();

    static readonly CsvReaderOptions Options = new() { Separator = ',', FormatProvider = CultureInfo.InvariantCulture };
}
