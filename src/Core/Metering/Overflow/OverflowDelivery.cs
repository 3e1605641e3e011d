using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using ControlPlane.Metering.Ingestion;

namespace ControlPlane.Metering.Overflow;

/// <summary>A queued delivery, or a part of one, with everything that is needed to count it as of the time it arrived.</summary>
/// <param name="ReceivedAt">Business time. Decides whether an event is too old or in the future, however long it was queued.</param>
/// <param name="Events">The raw text of each event, including malformed ones.</param>
public sealed record OverflowDelivery(Guid Tenant, [property: JsonPropertyName("form")] UsageFormat Format, DateTimeOffset ReceivedAt, IReadOnlyList<string> Events)
{
    /// <summary>Incremented by a change that earlier versions of the program cannot read.</summary>
    const int CurrentVersion = 1;

    // Escapes only what JSON requires.
    static readonly OverflowJson Json = new(new JsonSerializerOptions(OverflowJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    public int Version { get; init; } = CurrentVersion;

    public static OverflowDelivery Of(Guid tenant, DateTimeOffset receivedAt, IReadOnlyCollection<Submission> submissions) =>
        new(tenant, submissions.First().Format, receivedAt, [.. submissions.Select(submission => submission.Raw)]);

    /// <summary>The events, parsed again, in order.</summary>
    public IReadOnlyList<Submission> Submissions() => [.. Events.Select((raw, index) => ReadUsage.Parse(Format, raw) with { Index = index })];

    /// <returns>One line of JSON in UTF-8.</returns>
    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, Json.OverflowDelivery);

    /// <exception cref="InvalidDataException">It is not a delivery, or was written by a newer version of the program.</exception>
    public static OverflowDelivery Parse(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, Json.OverflowDelivery) is { Version: <= CurrentVersion } delivery
                ? delivery
                : throw new InvalidDataException($"The delivery was written by a newer program; this one reads up to version {CurrentVersion}.");
        }
        catch (JsonException e)
        {
            // Without the parser's message, which may quote the content.
            throw new InvalidDataException($"Not a delivery of usage (byte {e.BytePositionInLine}).");
        }
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, Converters = [typeof(OverflowJson.FormatName)], RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(OverflowDelivery))]
sealed partial class OverflowJson : JsonSerializerContext
{
    internal sealed class FormatName() : JsonStringEnumConverter<UsageFormat>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false);
}
