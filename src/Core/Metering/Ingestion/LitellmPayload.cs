using System.Text.Json;

namespace ControlPlane.Metering.Ingestion;

/// <summary>
/// LiteLLM's StandardLoggingPayload: <c>id, status, model, model_group, prompt_tokens, completion_tokens, total_tokens, startTime, endTime, end_user,
/// trace_id, metadata{usage_object{…}, …}</c>.
/// </summary>
static class LitellmPayload
{
    /// <summary>The user of calls for which the gateway knew none: health checks, and calls with the tenant's own key.</summary>
    const string NoUser = "unknown";

    public static UsageEvent Read(JsonElement json, string? id)
    {
        var metadata = json.OptionalObject("metadata");
        var prompt = Tokens(json, "prompt_tokens");
        var completion = Completion(json, prompt);
        return new UsageEvent
        {
            Id = id ?? throw new FieldException("id is missing: this is not LiteLLM's standard logging payload"),
            OccurredAt = OccurredAt(json),
            User = json.OptionalId("end_user") ?? metadata?.OptionalId("user_api_key_end_user_id") ?? metadata?.OptionalId("user_api_key_user_id") ?? NoUser,
            Session = json.OptionalId("trace_id"),
            // model_group is the name in the plans; model is the provider's name.
            Model = json.OptionalText("model_group") ?? json.RequiredText("model"),
            PromptTokens = prompt,
            CompletionTokens = completion,
            Kinds = Kinds(json, metadata).CheckedAgainst(prompt, completion),
        };
    }

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

    // Some providers count reasoning or tool use in the total only.
    static long Completion(JsonElement json, long prompt)
    {
        var completion = Tokens(json, "completion_tokens");
        var beyondPrompt = (json.OptionalCount("total_tokens", 2 * UsageEvent.MaximumTokens) ?? 0) - prompt;
        return beyondPrompt <= UsageEvent.MaximumTokens
            ? Math.Max(completion, beyondPrompt)
            : throw new FieldException($"total_tokens must be at most {UsageEvent.MaximumTokens} more than prompt_tokens");
    }

    // Several fields have the same number, depending on the provider and on LiteLLM's release. Without usage_object, the response has it.
    static TokenKinds Kinds(JsonElement json, JsonElement? metadata)
    {
        if ((metadata?.OptionalObject("usage_object") ?? json.OptionalObject("response")?.OptionalObject("usage")) is not { } usage)
        {
            return TokenKinds.None;
        }

        var prompt = usage.OptionalObject("prompt_tokens_details") ?? usage.OptionalObject("input_tokens_details");
        var completion = usage.OptionalObject("completion_tokens_details") ?? usage.OptionalObject("output_tokens_details");
        return new TokenKinds(
            CachedPrompt: Math.Max(Part(prompt, "cached_tokens"), Part(usage, "cache_read_input_tokens")),
            CacheWrite: Math.Max(Part(usage, "cache_creation_input_tokens"), Math.Max(Part(prompt, "cache_creation_tokens"), Part(prompt, "cache_write_tokens"))),
            Reasoning: Part(completion, "reasoning_tokens"),
            Audio: Part(prompt, "audio_tokens") + Part(completion, "audio_tokens"));
    }

    static long Part(JsonElement? details, string name) => details?.OptionalCount(name) ?? 0;
}
