using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace ControlPlane.Metering.Ingestion;

/// <summary>An invalid field. The message says what to send instead.</summary>
sealed class FieldException(string message) : Exception(message);

/// <summary>Reads the fields of an untrusted JSON object, with error messages for the sender.</summary>
static partial class JsonFields
{
    public static string RequiredText(this JsonElement element, string name) =>
        element.OptionalText(name) ?? throw new FieldException($"{name} is missing: send a string of 1 to {UsageEvent.MaximumText} characters");

    /// <returns>null when absent, null or empty.</returns>
    public static string? OptionalText(this JsonElement element, string name) =>
        element.TextOf(name) is not { } text ? null
            : text.Length > UsageEvent.MaximumText ? throw new FieldException($"{name} must have at most {UsageEvent.MaximumText} characters")
            : text;

    public static string RequiredId(this JsonElement element, string name) =>
        element.OptionalId(name) ?? throw new FieldException($"{name} is missing: send a string");

    /// <summary>An id of any length, as <see cref="ExternalIds.Stored"/>.</summary>
    /// <returns>null when absent, null or empty.</returns>
    public static string? OptionalId(this JsonElement element, string name) => element.TextOf(name) is { } text ? ExternalIds.Stored(text) : null;

    static string? TextOf(this JsonElement element, string name)
    {
        if (!element.TryGetField(name, out var value))
        {
            return null;
        }

        if (value.ValueKind != JsonValueKind.String)
        {
            throw new FieldException($"{name} must be a string");
        }

        var text = GetText(value, name);
        return text.Length == 0 ? null : text.Any(char.IsControl) ? throw new FieldException($"{name} must be a string without control characters") : text;
    }

    public static long? OptionalCount(this JsonElement element, string name, long maximum = UsageEvent.MaximumTokens)
    {
        if (!element.TryGetField(name, out var value))
        {
            return null;
        }

        // Some serializers write 12 as 12.0.
        return value.ValueKind == JsonValueKind.Number && value.TryGetDecimal(out var number)
            && number == decimal.Truncate(number) && number >= 0 && number <= maximum
            ? (long)number
            : throw new FieldException($"{name} must be a whole number from 0 to {maximum}");
    }

    /// <returns>False when absent.</returns>
    public static bool OptionalFlag(this JsonElement element, string name) =>
        element.TryGetField(name, out var value) && (value.ValueKind is JsonValueKind.True or JsonValueKind.False
            ? value.GetBoolean()
            : throw new FieldException($"{name} must be true or false"));

    /// <summary>An object inside, such as the details of a total.</summary>
    /// <returns>null when absent or anything else.</returns>
    public static JsonElement? OptionalObject(this JsonElement element, string name) =>
        element.TryGetField(name, out var value) && value.ValueKind == JsonValueKind.Object ? value : null;

    public static Guid? OptionalUuid(this JsonElement element, string name) =>
        element.OptionalText(name) is not { } text ? null
            : Guid.TryParse(text, out var id) ? id : throw new FieldException($"{name} must be a UUID");

    /// <summary>RFC 3339 with a time zone, truncated to microseconds.</summary>
    public static DateTimeOffset? OptionalInstant(this JsonElement element, string name)
    {
        if (element.OptionalText(name) is not { } text)
        {
            return null;
        }

        // .NET also reads other notations, and a time without a date as a time of the current day: a redelivery on the next day would be another event.
        return Rfc3339().IsMatch(text) && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal, out var instant)
            ? ToMicroseconds(instant)
            : throw new FieldException($"{name} must be an RFC 3339 time with a time zone, such as 2026-01-31T12:00:00Z");
    }

    public static DateTimeOffset ToMicroseconds(DateTimeOffset instant) =>
        new(instant.UtcTicks - (instant.UtcTicks % TimeSpan.TicksPerMicrosecond), TimeSpan.Zero);

    public static bool TryGetField(this JsonElement element, string name, out JsonElement value)
    {
        try
        {
            return element.TryGetProperty(name, out value) && value.ValueKind is not (JsonValueKind.Null or JsonValueKind.Undefined);
        }
        catch (InvalidOperationException)
        {
            // As in GetText, but in a field name that is compared.
            throw new FieldException("a field name is not valid Unicode text");
        }
    }

    static string GetText(JsonElement value, string name)
    {
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            // An escaped unpaired surrogate: JSON allows it, but no encoding can represent it.
            throw new FieldException($"{name} is not valid Unicode text");
        }
    }

    // Seconds, and the minutes of an offset, are optional in ISO 8601, of which RFC 3339 is a profile.
    [GeneratedRegex(@"\A[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?([Zz]|[+-][0-9]{2}(:?[0-9]{2})?)\z")]
    private static partial Regex Rfc3339();
}
