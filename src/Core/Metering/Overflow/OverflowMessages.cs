using System.IO.Compression;

namespace ControlPlane.Metering.Overflow;

/// <summary>Deliveries as messages of a queue: compressed, and in base64, because queues take text. <c>base64 -d | zcat</c> shows what is in one.</summary>
public static class OverflowMessages
{
    /// <summary>What does not fit into one message is split between its events.</summary>
    /// <param name="mostCharacters">All of them ASCII.</param>
    /// <exception cref="OverflowFullException">One event alone is too long.</exception>
    public static IReadOnlyList<string> Write(OverflowDelivery delivery, int mostCharacters)
    {
        var message = Convert.ToBase64String(Compressed(delivery.ToJson()));
        if (message.Length <= mostCharacters)
        {
            return [message];
        }

        if (delivery.Events.Count == 1)
        {
            throw new OverflowFullException("The database is away, and one of these events is too long to wait for it. Send them again later.");
        }

        var half = delivery.Events.Count / 2;
        return
        [
            .. Write(delivery with { Events = [.. delivery.Events.Take(half)] }, mostCharacters),
            .. Write(delivery with { Events = [.. delivery.Events.Skip(half)] }, mostCharacters),
        ];
    }

    /// <exception cref="InvalidDataException">It is none, or of a newer program.</exception>
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
            throw new InvalidDataException("It is not base64.", e);
        }

        return OverflowDelivery.Parse(json.GetBuffer().AsSpan(0, (int)json.Length));
    }

    static byte[] Compressed(byte[] json)
    {
        using var bytes = new MemoryStream();
        using (var compressed = new GZipStream(bytes, CompressionLevel.Fastest))
        {
            compressed.Write(json);
        }

        return bytes.ToArray();
    }
}
