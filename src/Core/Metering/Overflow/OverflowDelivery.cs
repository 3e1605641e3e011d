using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using ControlPlane.Metering.Ingestion;

namespace ControlPlane.Metering.Overflow;

/// <summary>A delivery, or a part of one, that waits to be counted: everything that is needed to count it as if it were the moment it came in.</summary>
/// <param name="ReceivedAt">Business time. Whether an event is too old or in the future goes by it, however long the wait.</param>
/// <param name="Events">The raw text of each, the malformed ones included.</param>
public sealed record OverflowDelivery(Guid Tenant, UsageFormat Form, DateTimeOffset ReceivedAt, IReadOnlyList<string> Events)
{
    /// <summary>Raises with a change that a program of before cannot read.</summary>
    const int Newest = 1;

    // Texts as they are, as far as JSON lets them.
    static readonly OverflowJson Json = new(new JsonSerializerOptions(OverflowJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    public int Version { get; init; } = Newest;

    public static OverflowDelivery Of(Guid tenant, DateTimeOffset receivedAt, IReadOnlyCollection<Submission> submissions) =>
        new(tenant, submissions.First().Form, receivedAt, [.. submissions.Select(submission => submission.Raw)]);

    /// <summary>Read again, in their order.</summary>
    public IReadOnlyList<Submission> Submissions() => [.. Events.Select((raw, index) => ReadUsage.Again(Form, raw) with { Index = index })];

    /// <returns>One line of JSON in UTF-8.</returns>
    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, Json.OverflowDelivery);

    /// <exception cref="InvalidDataException">It is none, or of a newer program.</exception>
    public static OverflowDelivery Parse(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, Json.OverflowDelivery) is { Version: <= Newest } delivery
                ? delivery
                : throw new InvalidDataException($"It was written by a newer program: this one knows version {Newest}.");
        }
        catch (JsonException e)
        {
            // Not the parser's message, which may quote what was sent.
            throw new InvalidDataException($"It is no delivery of usage (byte {e.BytePositionInLine}).");
        }
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, Converters = [typeof(OverflowJson.FormName)], RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(OverflowDelivery))]
sealed partial class OverflowJson : JsonSerializerContext
{
    internal sealed class FormName() : JsonStringEnumConverter<UsageFormat>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false);
}
