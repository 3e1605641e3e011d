using System.Buffers;
using System.Text.Json;
using System.Text.Unicode;

namespace ControlPlane.Web.Usage;

/// <summary>Finds the events in the text of a delivery.</summary>
static class UsageParser
{
    /// <summary>
    /// Events in a body that is read whole. A real event has a hundred bytes or more; tiny values would need a hundred times the memory of their text, and seconds of
    /// a processor. Gateways send hundreds.
    /// </summary>
    public const int MaximumEvents = 10_000;

    /// <summary>One JSON object, or an array of them.</summary>
    /// <exception cref="JsonException">The body is not JSON, or not UTF-8, which the parser does not check inside strings.</exception>
    /// <exception cref="InvalidDataException">It has more than <see cref="MaximumEvents"/> events.</exception>
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
                RequireFew(submissions);
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

    /// <exception cref="InvalidDataException">It has more than <see cref="MaximumEvents"/> events.</exception>
    public static List<Submission> ParseLines(ReadOnlyMemory<byte> body, UsageFormat format)
    {
        var rest = new ReadOnlySequence<byte>(body);
        var searched = 0L;
        var submissions = new List<Submission>();
        for (var index = 0L; ReadLine(ref rest, ref searched, isLast: true) is { } line; index++)
        {
            if (ParseLine(index, line, format) is { } submission)
            {
                submissions.Add(submission);
                RequireFew(submissions);
            }
        }

        return submissions;
    }

    static void RequireFew(List<Submission> submissions)
    {
        if (submissions.Count > MaximumEvents)
        {
            throw new InvalidDataException($"The body has more than {MaximumEvents} events, so nothing was counted. Send fewer per request, or stream NDJSON with a tenant key as Bearer.");
        }
    }

    /// <param name="searched">Bytes of the rest without a line break, so that a long line is not searched again with every part of it.</param>
    public static ReadOnlySequence<byte>? ReadLine(ref ReadOnlySequence<byte> rest, ref long searched, bool isLast)
    {
        if (rest.Slice(searched).PositionOf((byte)'\n') is { } end)
        {
            var line = rest.Slice(0, end);
            rest = rest.Slice(rest.GetPosition(1, end));
            searched = 0;
            return line;
        }

        if (!isLast || rest.IsEmpty)
        {
            searched = rest.Length;
            return null;
        }

        searched = 0;
        var last = rest;
        rest = rest.Slice(rest.End);
        return last;
    }

    /// <returns>null for an empty line.</returns>
    public static Submission? ParseLine(long index, ReadOnlySequence<byte> line, UsageFormat format)
    {
        // A copy, because the pipe reuses its buffer before the batch is committed.
        ReadOnlyMemory<byte> text = line.ToArray();
        text = text.Trim(" \r\t"u8);
        if (text.IsEmpty)
        {
            return null;
        }

        if (text.Span[0] != '{')
        {
            return ReadUsage.NotJson(index, format, text);
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
