using System.Text;
using System.Text.Json;
using ControlPlane.Billing.Payments;
using Stripe;

namespace ControlPlane.Stripe;

/// <summary>Checks and reads webhooks. Only ids are taken from them: objects of other API versions are never parsed, but fetched.</summary>
static class StripeWebhooks
{
    /// <summary>Seconds by which the sender's clock may differ, and a recorded request be repeated.</summary>
    const long Tolerance = 300;

    const int MaximumIdLength = 255;

    /// <returns>null: the signature is wrong, or the body is no event of this account's mode.</returns>
    public static ProviderEvent? Read(ReadOnlyMemory<byte> body, string? signature, StripeSettings settings, DateTimeOffset now)
    {
        if (signature is null || Text(body) is not { } json || !settings.WebhookSecrets.Any(secret => IsSigned(json, signature, secret, now)))
        {
            return null;
        }

        try
        {
            using var document = JsonDocument.Parse(json);
            return Event(document.RootElement, json, settings.IsLive);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>The customer that the event's object belongs to, or belonged to before.</summary>
    public static string? CustomerOf(ProviderEvent notice)
    {
        using var document = JsonDocument.Parse(notice.Payload);
        var data = document.RootElement.GetProperty("data");
        return String(Member(data, "object"), "customer") ?? String(Member(data, "previous_attributes"), "customer");
    }

    /// <summary>A text member of the event's object.</summary>
    public static string? ObjectMember(ProviderEvent notice, string name)
    {
        using var document = JsonDocument.Parse(notice.Payload);
        return String(Member(document.RootElement.GetProperty("data"), "object"), name);
    }

    static ProviderEvent? Event(JsonElement root, string json, bool isLive) =>
        root.ValueKind == JsonValueKind.Object
        && String(root, "object") == "event"
        && String(root, "id") is { Length: > 0 and <= MaximumIdLength } id
        && String(root, "type") is { Length: > 0 and <= MaximumIdLength } type
        && Member(root, "livemode") is { ValueKind: JsonValueKind.True or JsonValueKind.False } livemode && livemode.GetBoolean() == isLive
        && Member(root, "created") is { ValueKind: JsonValueKind.Number } created && created.TryGetInt64(out var seconds) && seconds is >= 0 and < 253_402_300_800
        && Member(root, "data") is { ValueKind: JsonValueKind.Object } data
            ? new ProviderEvent(id, type, String(Member(data, "object"), "id"), DateTimeOffset.FromUnixTimeSeconds(seconds), json)
            : null;

    // What is wrong in the header shows in the type of the exception: no signature, or a time that is no number, or none that fits.
    static bool IsSigned(string json, string signature, string secret, DateTimeOffset now)
    {
        try
        {
            EventUtility.ValidateSignature(json, signature, secret, Tolerance, now.ToUnixTimeSeconds());
            return true;
        }
        catch (Exception e) when (e is StripeException or FormatException or OverflowException or ArgumentException or NullReferenceException or IndexOutOfRangeException)
        {
            return false;
        }
    }

    static string? Text(ReadOnlyMemory<byte> body)
    {
        try
        {
            var text = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true).GetString(body.Span);
            // PostgreSQL stores no NUL; JSON has none outside escapes.
            return text.Contains('\0', StringComparison.Ordinal) ? null : text;
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    static JsonElement Member(JsonElement parent, string name) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out var member) ? member : default;

    // A half of a surrogate pair in an escape cannot be read as text.
    static string? String(JsonElement parent, string name)
    {
        try
        {
            return Member(parent, name) is { ValueKind: JsonValueKind.String } member && member.GetString() is { } text && !text.Contains('\0', StringComparison.Ordinal) ? text : null;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }
}
