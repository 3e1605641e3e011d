using System.Buffers;
using System.IO.Pipelines;
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

    const int PartBytes = 64 * 1024;

    public static bool IsNdjson(HttpRequest request) =>
        MediaTypeHeaderValue.TryParse(request.ContentType, out var type)
        && type.MediaType.Value is "application/x-ndjson" or "application/ndjson" or "application/jsonl" or "application/x-jsonlines";

    /// <summary>Reads a whole body, as far as its <see cref="BodyLimit"/> allows.</summary>
    /// <param name="verifier">Gets every part as it arrives; null: the sender is authenticated already.</param>
    /// <returns>null when the signature is not valid.</returns>
    public static async Task<byte[]?> ReadWholeAsync(HttpRequest request, SignatureVerifier? verifier, CancellationToken ct)
    {
        // Pooled parts, which cost nothing when the signature turns out to be wrong. Nothing is allocated by Content-Length, which may be any number.
        var parts = new List<byte[]>();
        var length = 0;
        try
        {
            while (true)
            {
                if (length == parts.Count * PartBytes)
                {
                    parts.Add(ArrayPool<byte>.Shared.Rent(PartBytes));
                }

                var free = parts[^1].AsMemory(length % PartBytes, PartBytes - (length % PartBytes));
                var read = await request.Body.ReadAsync(free, ct);
                if (read == 0)
                {
                    return verifier?.IsValid() == false ? null : Join(parts, length);
                }

                verifier?.Append(free.Span[..read]);
                length += read;
            }
        }
        finally
        {
            parts.ForEach(part => ArrayPool<byte>.Shared.Return(part));
        }
    }

    static byte[] Join(List<byte[]> parts, int length)
    {
        var whole = GC.AllocateUninitializedArray<byte>(length);
        foreach (var (index, part) in parts.Index())
        {
            part.AsSpan(0, Math.Min(PartBytes, length - (index * PartBytes))).CopyTo(whole.AsSpan(index * PartBytes));
        }

        return whole;
    }

    /// <summary>NDJSON in batches. Empty lines are skipped but count towards the index.</summary>
    /// <param name="delivery">Told what is still in memory; a batch no longer is when the next one is asked for.</param>
    /// <exception cref="InvalidDataException">A line is longer than <see cref="MaximumBytes"/>.</exception>
    public static async IAsyncEnumerable<List<Submission>> ReadLinesAsync(
        Stream body, UsageFormat format, UsageDelivery? delivery, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        var lines = PipeReader.Create(body, new StreamPipeReaderOptions(bufferSize: PartBytes, leaveOpen: true));
        var batch = new List<Submission>();
        var (bytes, index, searched) = (0L, 0L, 0L);
        while (true)
        {
            var read = await lines.ReadAsync(ct);
            var rest = read.Buffer;
            while (UsageParser.ReadLine(ref rest, ref searched, read.IsCompleted) is { } line)
            {
                if (UsageParser.ParseLine(index++, line, format) is { } submission)
                {
                    batch.Add(submission);
                    bytes += line.Length;
                }

                if (batch.Count >= LinesPerBatch || bytes >= BytesPerBatch)
                {
                    yield return batch;
                    batch = [];
                    bytes = 0;
                    delivery?.KeepOnly(rest.Length);
                }
            }

            if (rest.Length > MaximumBytes)
            {
                throw new InvalidDataException($"Line {index} is longer than {MaximumBytes} bytes.");
            }

            delivery?.KeepOnly(bytes + rest.Length);
            lines.AdvanceTo(rest.Start, rest.End);
            if (read.IsCompleted)
            {
                break;
            }
        }

        await lines.CompleteAsync();
        if (batch.Count > 0)
        {
            yield return batch;
        }
    }
}
