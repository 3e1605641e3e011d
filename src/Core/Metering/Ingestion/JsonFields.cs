using System.Globalization;
using System.Text.Json;

namespace ControlPlane.Metering.Ingestion;

/// <summary>A field that is not what it has to be. The message says what to send instead.</summary>
sealed class FieldException(string message) : Exception(message);

/// <summary>Reads the fields of an untrusted JSON object, with messages for whoever sent it.</summary>
static class JsonFields
{
    const string Date = "yyyy-mm-dd";

    public static string RequiredText(this JsonElement element, string name, int maximum = UsageEvent.MaximumText) =>
        element.OptionalText(name, maximum) ?? throw new FieldException($"{name} is missing: send a text of 1 to {maximum} characters");

    /// <returns>null when absent, null or empty.</returns>
    public static string? OptionalText(this JsonElement element, string name, int maximum = UsageEvent.MaximumText)
    {
        if (!element.Present(name, out var value))
        {
            return null;
        }

        if (value.ValueKind != JsonValueKind.String)
        {
            throw new FieldException($"{name} must be a text of 1 to {maximum} characters");
        }

        var text = Text(value, name);
        return text.Length == 0 ? null
            : text.Length > maximum || text.Any(char.IsControl)
                ? throw new FieldException($"{name} must have at most {maximum} characters and no control characters")
                : text;
    }

    public static long? OptionalCount(this JsonElement element, string name)
    {
        if (!element.Present(name, out var value))
        {
            return null;
        }

        // 12.0 is what some serializers make of 12; 12.5 tokens do not exist.
        return value.ValueKind == JsonValueKind.Number && value.TryGetDecimal(out var number)
            && number == decimal.Truncate(number) && number is >= 0 and <= UsageEvent.MaximumTokens
            ? (long)number
            : throw new FieldException($"{name} must be a whole number from 0 to {UsageEvent.MaximumTokens}");
    }

    public static Guid? OptionalUuid(this JsonElement element, string name) =>
        element.OptionalText(name) is not { } text ? null
            : Guid.TryParse(text, out var id) ? id : throw new FieldException($"{name} must be a UUID");

    /// <summary>RFC 3339 with a zone, to the microsecond.</summary>
    public static DateTimeOffset? OptionalInstant(this JsonElement element, string name)
    {
        if (element.OptionalText(name) is not { } text)
        {
            return null;
        }

        // A time without its day would be taken for one of the day on which it is read, and no longer be the same event on the next.
        var dated = text.Length > Date.Length && text[4] == '-' && text[7] == '-' && text[Date.Length] is 'T' or 't' or ' ';
        var zoned = text.EndsWith('Z') || text.EndsWith('z') || text.LastIndexOfAny(['+', '-']) > Date.Length;
        return dated && zoned && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal, out var instant)
            ? ToMicroseconds(instant)
            : throw new FieldException($"{name} must be an RFC 3339 time with a zone, such as 2026-01-31T12:00:00Z");
    }

    public static DateTimeOffset ToMicroseconds(DateTimeOffset instant) =>
        new(instant.UtcTicks - (instant.UtcTicks % TimeSpan.TicksPerMicrosecond), TimeSpan.Zero);

    public static bool Present(this JsonElement element, string name, out JsonElement value)
    {
        try
        {
            return element.TryGetProperty(name, out value) && value.ValueKind is not (JsonValueKind.Null or JsonValueKind.Undefined);
        }
        catch (InvalidOperationException)
        {
            // As in Text, but in the name of a field that happens to be compared.
            throw new FieldException("a field's name is not valid Unicode text");
        }
    }

    static string Text(JsonElement value, string name)
    {
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            // An escaped half of a surrogate pair: JSON allows it, no encoding does.
            throw new FieldException($"{name} is not valid Unicode text");
        }
    }
}
