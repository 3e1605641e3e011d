using System.Text;
using System.Text.Json;

namespace ControlPlane.Metering.Ingestion;

/// <summary>Parses one JSON value into an event or a rejection. Never throws for invalid input.</summary>
public static class ReadUsage
{
    static readonly Rejection NotAnObject = new(Rejection.Codes.Malformed, "not a JSON object: send one event as a JSON object");

    /// <param name="raw">The source text of <paramref name="json"/>.</param>
    public static Submission Read(long index, UsageFormat format, JsonElement json, ReadOnlyMemory<byte> raw)
    {
        if (json.ValueKind != JsonValueKind.Object)
        {
            return NotJson(index, format, raw);
        }

        string? id = null;
        try
        {
            // Only a CloudEvents envelope has specversion. Its fields are defaults for those of the event inside.
            var isCloudEvent = format == UsageFormat.Event && json.TryGetField("specversion", out _);
            id = IdOf(json, format, isCloudEvent);
            var usage = format == UsageFormat.Litellm ? LitellmPayload.Read(json, id)
                : isCloudEvent ? CloudEventFormat.Read(json, id) : EventFormat.Read(json, id, json.OptionalInstant("occurred_at"), fallbackUser: null);
            return new Submission(index, format, raw, id, usage, null);
        }
        catch (FieldException e)
        {
            return new Submission(index, format, raw, id, null, new Rejection(Rejection.Codes.Malformed, e.Message));
        }
    }

    /// <summary>The rejection of a text that is not a JSON object.</summary>
    public static Submission NotJson(long index, UsageFormat format, ReadOnlyMemory<byte> raw) => new(index, format, raw, null, null, NotAnObject);

    /// <summary>Parses a text that was stored in quarantine or in the overflow.</summary>
    public static Submission Parse(UsageFormat format, string text)
    {
        var raw = Encoding.UTF8.GetBytes(text);
        try
        {
            using var document = JsonDocument.Parse(raw);
            return Read(0, format, document.RootElement, raw);
        }
        catch (JsonException)
        {
            return NotJson(0, format, raw);
        }
    }

    static string? IdOf(JsonElement json, UsageFormat format, bool isCloudEvent)
    {
        var inner = isCloudEvent && json.OptionalObject("data") is { } data ? data : json;
        return format == UsageFormat.Event ? inner.OptionalId("id") ?? json.OptionalId("id") : json.OptionalId("id");
    }
}

/// <summary>The platform's own format.</summary>
static class EventFormat
{
    public static UsageEvent Read(JsonElement json, string? id, DateTimeOffset? occurredAt, string? fallbackUser)
    {
        var feature = json.OptionalText("feature");
        if (feature is not null && !UsageEvent.Features.Contains(feature))
        {
            throw new FieldException($"feature must be one of {string.Join(", ", UsageEvent.Features)}");
        }

        var (prompt, completion) = (Tokens(json, "prompt_tokens", feature), Tokens(json, "completion_tokens", feature));
        return new UsageEvent
        {
            Id = id ?? throw new FieldException("id is missing: send a string, the same on every retry"),
            OccurredAt = occurredAt ?? throw new FieldException("occurred_at is missing: send an RFC 3339 time with a time zone, such as 2026-01-31T12:00:00Z"),
            User = json.OptionalId("user") ?? fallbackUser ?? json.RequiredId("user"),
            Session = json.OptionalId("session"),
            Model = json.RequiredText("model"),
            PromptTokens = prompt,
            CompletionTokens = completion,
            Kinds = new TokenKinds(Part(json, "cached_prompt_tokens"), Part(json, "cache_write_tokens"), Part(json, "reasoning_tokens"), Part(json, "audio_tokens"))
                .CheckedAgainst(prompt, completion),
            CacheHit = json.OptionalFlag("cache_hit"),
            ReservationId = json.OptionalUuid("reservation_id"),
            Feature = feature,
            Quantity = feature is null ? null : json.OptionalCount("quantity") ?? 1,
        };
    }

    // A web search or an image may use no tokens; for an LLM call the counts are required.
    static long Tokens(JsonElement json, string name, string? feature) =>
        json.OptionalCount(name) ?? (feature is null ? throw new FieldException($"{name} is missing: send a whole number, 0 or more") : 0);

    static long Part(JsonElement json, string name) => json.OptionalCount(name) ?? 0;
}

/// <summary>CloudEvents 1.0, JSON format: the event is in <c>data</c>; id, time and subject are defaults for its missing fields.</summary>
static class CloudEventFormat
{
    public static UsageEvent Read(JsonElement json, string? id) =>
        json.OptionalObject("data") is { } data
            ? EventFormat.Read(data, id, data.OptionalInstant("occurred_at") ?? json.OptionalInstant("time"), json.OptionalId("subject"))
            : throw new FieldException("data must be a JSON object with the usage event");
}
