using System.Text;
using System.Text.Json;

namespace ControlPlane.Metering.Ingestion;

/// <summary>Turns one JSON value into an event or into the reason why it is none. Never throws for what was sent.</summary>
public static class ReadUsage
{
    /// <param name="raw">The text of <paramref name="json"/>.</param>
    public static Submission Read(long index, UsageFormat form, JsonElement json, ReadOnlyMemory<byte> raw)
    {
        string? id = null;
        try
        {
            if (json.ValueKind != JsonValueKind.Object)
            {
                throw new FieldException("an event must be a JSON object");
            }

            // A CloudEvents envelope names itself; what it carries is an event whose missing fields the envelope fills in.
            var enveloped = form == UsageFormat.Event && json.Present("specversion", out _);
            id = IdOf(json, form, enveloped);
            var usage = form == UsageFormat.Litellm ? LitellmPayload.Read(json, id)
                : enveloped ? CloudEventForm.Read(json, id) : EventForm.Read(json, id, json.OptionalInstant("occurred_at"), fallbackUser: null);
            return new Submission(index, form, raw, id, usage, null);
        }
        catch (FieldException e)
        {
            return new Submission(index, form, raw, id, null, new Rejection(Rejection.Codes.Malformed, e.Message));
        }
    }

    /// <summary>A piece of text that is not even JSON.</summary>
    public static Submission NotJson(long index, UsageFormat form, ReadOnlyMemory<byte> raw) =>
        new(index, form, raw, null, null, new Rejection(Rejection.Codes.Malformed, "not a JSON object"));

    /// <summary>Reads a text again that was held in quarantine.</summary>
    public static Submission Again(UsageFormat form, string text)
    {
        var raw = Encoding.UTF8.GetBytes(text);
        try
        {
            using var document = JsonDocument.Parse(raw);
            return Read(0, form, document.RootElement, raw);
        }
        catch (JsonException)
        {
            return NotJson(0, form, raw);
        }
    }

    static string? IdOf(JsonElement json, UsageFormat form, bool enveloped)
    {
        var inner = enveloped && json.Present("data", out var data) && data.ValueKind == JsonValueKind.Object ? data : json;
        return form == UsageFormat.Event ? inner.OptionalText("id") ?? json.OptionalText("id") : json.OptionalText("id");
    }
}

/// <summary>The platform's own form: DESIGN section 6.</summary>
static class EventForm
{
    public static UsageEvent Read(JsonElement json, string? id, DateTimeOffset? occurredAt, string? fallbackUser)
    {
        var feature = json.OptionalText("feature");
        if (feature is not null && !UsageEvent.Features.Contains(feature))
        {
            throw new FieldException($"feature must be one of {string.Join(", ", UsageEvent.Features)}");
        }

        return new UsageEvent
        {
            Id = id ?? throw new FieldException($"id is missing: send a text of 1 to {UsageEvent.MaximumText} characters, the same on every retry"),
            OccurredAt = occurredAt ?? throw new FieldException("occurred_at is missing: send an RFC 3339 time with a zone, such as 2026-01-31T12:00:00Z"),
            User = json.OptionalText("user") ?? fallbackUser ?? json.RequiredText("user"),
            Session = json.OptionalText("session"),
            Model = json.RequiredText("model"),
            PromptTokens = Tokens(json, "prompt_tokens", feature),
            CompletionTokens = Tokens(json, "completion_tokens", feature),
            ReservationId = json.OptionalUuid("reservation_id"),
            Feature = feature,
            Quantity = feature is null ? null : json.OptionalCount("quantity") ?? 1,
        };
    }

    // A web search or an image may cost no tokens; an LLM call without a count is a broken meter.
    static long Tokens(JsonElement json, string name, string? feature) =>
        json.OptionalCount(name) ?? (feature is null ? throw new FieldException($"{name} is missing: send a whole number, 0 included") : 0);
}

/// <summary>CloudEvents 1.0, JSON format: the event is in <c>data</c>; id, time and subject fill in what it lacks.</summary>
static class CloudEventForm
{
    public static UsageEvent Read(JsonElement json, string? id) =>
        json.Present("data", out var data) && data.ValueKind == JsonValueKind.Object
            ? EventForm.Read(data, id, data.OptionalInstant("occurred_at") ?? json.OptionalInstant("time"), json.OptionalText("subject"))
            : throw new FieldException("data must be a JSON object holding the usage event");
}
