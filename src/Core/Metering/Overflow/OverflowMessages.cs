using System.IO.Compression;

namespace ControlPlane.Metering.Overflow;

/// <summary>Deliveries as queue messages: compressed, and base64-encoded because queues accept text only. <c>base64 -d | zcat</c> shows the content.</summary>
public static class OverflowMessages
{
    /// <summary>A delivery that exceeds one message is split between its events.</summary>
    /// <param name="maximumLength">Per message, in ASCII characters.</param>
    /// <exception cref="OverflowFullException">A single event exceeds one message.</exception>
    public static IReadOnlyList<string> Write(OverflowDelivery delivery, int maximumLength)
    {
        var message = Convert.ToBase64String(Compress(delivery.ToJson()));
        if (message.Length <= maximumLength)
        {
            return [message];
        }

        if (delivery.Events.Count == 1)
        {
            throw new OverflowFullException("The database is unavailable, and an event is too long to be queued. Send the delivery again later.");
        }

        var half = delivery.Events.Count / 2;
        return
        [
            .. Write(delivery with { Events = [.. delivery.Events.Take(half)] }, maximumLength),
            .. Write(delivery with { Events = [.. delivery.Events.Skip(half)] }, maximumLength),
        ];
    }

    /// <exception cref="InvalidDataException">It is not a delivery, or was written by a newer version of the program.</exception>
    public static OverflowDelivery Read(string message)
    {
        using var json = new MemoryStream();
        try
        {
            using var compressed = new GZipStream(new MemoryStream(Convert.FromBase64String(message)), CompressionMode.Decompress);
            compressed.CopyTo(json);
        }
        catch (FormatException e)
        {
            throw new InvalidDataException("The message is not base64.", e);
        }

        return OverflowDelivery.Parse(json.GetBuffer().AsSpan(0, (int)json.Length));
    }

    static byte[] Compress(byte[] json)
    {
        using var bytes = new MemoryStream();
        using (var compressed = new GZipStream(bytes, CompressionLevel.Fastest))
        {
            compressed.Write(json);
        }

        return bytes.ToArray();
    }
}
