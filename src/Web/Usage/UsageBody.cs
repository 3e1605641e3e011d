using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using System.Text.Unicode;
using Microsoft.Net.Http.Headers;

namespace ControlPlane.Web.Usage;

/// <summary>Reads usage deliveries: in one piece up to a limit, or as an unlimited stream of lines.</summary>
static class UsageBody
{
    /// <summary>Largest signed or JSON body, and longest NDJSON line: 16 MiB.</summary>
    public const int MaximumBytes = 16 * 1024 * 1024;

    // NDJSON is committed in batches of this many lines, or fewer when they are long, to bound memory.
    const int LinesPerBatch = 1_000;
    const int BytesPerBatch = 4 * 1024 * 1024;

    public static bool IsNdjson(HttpRequest request) =>
        MediaTypeHeaderValue.TryParse(request.ContentType, out var type)
        && type.MediaType.Value is "application/x-ndjson" or "application/ndjson" or "application/jsonl" or "application/x-jsonlines";

    /// <returns>null when the body is longer than <see cref="MaximumBytes"/>.</returns>
    public static async Task<byte[]?> ReadWholeAsync(HttpRequest request, CancellationToken ct)
    {
        if (request.ContentLength > MaximumBytes)
        {
            return null;
        }

        // Not preallocated from Content-Length: the caller is not authenticated yet and may announce any size.
        using var buffer = new MemoryStream();
        while (true)
        {
            var read = await request.BodyReader.ReadAsync(ct);
            foreach (var segment in read.Buffer)
            {
                buffer.Write(segment.Span);
            }

            request.BodyReader.AdvanceTo(read.Buffer.End);
            if (buffer.Length > MaximumBytes)
            {
                return null;
            }

            if (read.IsCompleted)
            {
                return buffer.ToArray();
            }
        }
    }

    /// <summary>One JSON object, or an array of them.</summary>
    /// <exception cref="JsonException">The body is not JSON, or not UTF-8, which the parser does not check inside strings.</exception>
    public static List<Submission> ParseJson(ReadOnlyMemory<byte> body, UsageFormat format)
    {
        if (!Utf8.IsValid(body.Span))
        {
            throw new JsonException("The body is not UTF-8.");
        }

        var json = new Utf8JsonReader(body.Span);
        var submissions = new List<Submission>();
        json.Read();
        if (json.TokenType != JsonTokenType.StartArray)
        {
            submissions.Add(ParseValue(0, ref json, body, format));
        }
        else
        {
            while (json.Read() && json.TokenType != JsonTokenType.EndArray)
            {
                submissions.Add(ParseValue(submissions.Count, ref json, body, format));
            }
        }

        // Throws on trailing content.
        json.Read();
        return submissions;
    }

    static Submission ParseValue(long index, ref Utf8JsonReader json, ReadOnlyMemory<byte> body, UsageFormat format)
    {
        var start = (int)json.TokenStartIndex;
        using var document = JsonDocument.ParseValue(ref json);
        return ReadUsage.Read(index, format, document.RootElement, body[start..(int)json.BytesConsumed]);
    }

    /// <summary>NDJSON in batches. Empty lines are skipped but count towards the index.</summary>
    /// <exception cref="InvalidDataException">A line is longer than <see cref="MaximumBytes"/>.</exception>
    public static async IAsyncEnumerable<List<Submission>> ReadLinesAsync(
        PipeReader body, UsageFormat format, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        var batch = new List<Submission>();
        var bytes = 0L;
        var index = 0L;
        while (true)
        {
            var read = await body.ReadAsync(ct);
            var rest = read.Buffer;
            while (ReadLine(ref rest, read.IsCompleted) is { } line)
            {
                if (ParseLine(index++, line, format) is { } submission)
                {
                    batch.Add(submission);
                    bytes += line.Length;
                }

                if (batch.Count >= LinesPerBatch || bytes >= BytesPerBatch)
                {
                    yield return batch;
                    batch = [];
                    bytes = 0;
                }
            }

            if (rest.Length > MaximumBytes)
            {
                throw new InvalidDataException($"Line {index} is longer than {MaximumBytes} bytes.");
            }

            body.AdvanceTo(rest.Start, rest.End);
            if (read.IsCompleted)
            {
                break;
            }
        }

        if (batch.Count > 0)
        {
            yield return batch;
        }
    }

    public static List<Submission> ParseLines(ReadOnlyMemory<byte> body, UsageFormat format)
    {
        var rest = new ReadOnlySequence<byte>(body);
        var submissions = new List<Submission>();
        for (var index = 0L; ReadLine(ref rest, isLast: true) is { } line; index++)
        {
            if (ParseLine(index, line, format) is { } submission)
            {
                submissions.Add(submission);
            }
        }

        return submissions;
    }

    static ReadOnlySequence<byte>? ReadLine(ref ReadOnlySequence<byte> rest, bool isLast)
    {
        if (rest.PositionOf((byte)'\n') is { } end)
        {
            var line = rest.Slice(0, end);
            rest = rest.Slice(rest.GetPosition(1, end));
            return line;
        }

        if (!isLast || rest.IsEmpty)
        {
            return null;
        }

        var last = rest;
        rest = rest.Slice(rest.End);
        return last;
    }

    static Submission? ParseLine(long index, ReadOnlySequence<byte> line, UsageFormat format)
    {
        // A copy, because the pipe reuses its buffer before the batch is committed.
        ReadOnlyMemory<byte> text = line.ToArray();
        text = text.Trim(" \r\t"u8);
        if (text.IsEmpty)
        {
            return null;
        }

        try
        {
            using var document = JsonDocument.Parse(Utf8.IsValid(text.Span) ? text : throw new JsonException());
            return ReadUsage.Read(index, format, document.RootElement, text);
        }
        catch (JsonException)
        {
            return ReadUsage.NotJson(index, format, text);
        }
    }
}
