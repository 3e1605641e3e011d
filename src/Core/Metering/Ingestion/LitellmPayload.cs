using System.Text.Json;

namespace ControlPlane.Metering.Ingestion;

/// <summary>
/// LiteLLM's StandardLoggingPayload: <c>id, status, model, model_group, prompt_tokens, completion_tokens, startTime, endTime, end_user,
/// trace_id, metadata{…}</c>.
/// </summary>
static class LitellmPayload
{
    /// <summary>The user of calls for which the gateway knew none: health checks, and calls with the tenant's own key.</summary>
    const string NoUser = "unknown";

    public static UsageEvent Read(JsonElement json, string? id) => new()
    {
        Id = id ?? throw new FieldException("id is missing: this is not LiteLLM's standard logging payload"),
        OccurredAt = OccurredAt(json),
        User = json.OptionalId("end_user") ?? Metadata(json, "user_api_key_end_user_id") ?? Metadata(json, "user_api_key_user_id") ?? NoUser,
        Session = json.OptionalId("trace_id"),
        // model_group is the name in the plans; model is the provider's name.
        Model = json.OptionalText("model_group") ?? json.RequiredText("model"),
        PromptTokens = Tokens(json, "prompt_tokens"),
        CompletionTokens = Tokens(json, "completion_tokens"),
    };

    // endTime, because the token counts are known only then. Seconds since 1970 with a fraction, or RFC 3339 in some releases.
    static DateTimeOffset OccurredAt(JsonElement json)
    {
        var name = json.TryGetField("endTime", out var time) ? "endTime" : json.TryGetField("startTime", out time) ? "startTime" : null;
        if (name is null)
        {
            throw new FieldException("endTime is missing: this is not LiteLLM's standard logging payload");
        }

        if (time.ValueKind == JsonValueKind.String)
        {
            return json.OptionalInstant(name) ?? throw new FieldException($"{name} is empty: send seconds since 1970 or an RFC 3339 time");
        }

        return time.ValueKind == JsonValueKind.Number && time.TryGetDecimal(out var seconds) && seconds is > 0 and < 10_000_000_000
            ? JsonFields.ToMicroseconds(DateTimeOffset.UnixEpoch.AddTicks((long)(seconds * TimeSpan.TicksPerSecond)))
            : throw new FieldException($"{name} must be seconds since 1970 or an RFC 3339 time");
    }

    // If a call failed before the model answered, the payload omits the counts.
    static long Tokens(JsonElement json, string name) =>
        json.OptionalCount(name) ?? (json.OptionalText("status") == "failure" ? 0 : throw new FieldException($"{name} is missing: send a whole number"));

    static string? Metadata(JsonElement json, string name) =>
        json.TryGetField("metadata", out var metadata) && metadata.ValueKind == JsonValueKind.Object ? metadata.OptionalId(name) : null;
}
