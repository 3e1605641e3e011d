using System.Text.Json;

namespace ControlPlane.Metering.Ingestion;

/// <summary>
/// LiteLLM's StandardLoggingPayload: <c>id, status, call_type, model, model_group, prompt_tokens, completion_tokens, total_tokens, response_cost, cache_hit,
/// startTime, endTime, end_user, trace_id, model_parameters{n}, metadata{usage_object{…}, …}</c>.
/// </summary>
static class LitellmPayload
{
    /// <summary>The user of calls for which the gateway knew none: health checks, and calls with the tenant's own key.</summary>
    const string NoUser = "unknown";

    public static UsageEvent Read(JsonElement json, string? id)
    {
        var metadata = json.OptionalObject("metadata");
        var isBilled = IsBilled(json);
        var (prompt, completion, kinds) = isBilled ? Tokens(json, metadata) : (0, 0, TokenKinds.None);
        var pictures = isBilled ? Pictures(json) : null;
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
            Kinds = kinds,
            CacheHit = json.OptionalFlag("cache_hit"),
            Feature = pictures is null ? null : UsageEvent.ImageFeature,
            Quantity = pictures,
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

    // Of a call that failed before the model answered, LiteLLM reports an estimate of the prompt, which no provider bills.
    static bool IsBilled(JsonElement json) =>
        !HasFailed(json) || json.OptionalCount("completion_tokens") > 0
        || (json.TryGetField("response_cost", out var cost) && cost.ValueKind == JsonValueKind.Number && cost.TryGetDecimal(out var amount) && amount > 0);

    static bool HasFailed(JsonElement json) => json.OptionalText("status") == "failure";

    static long? Pictures(JsonElement json) =>
        json.OptionalText("call_type")?.Contains("image", StringComparison.Ordinal) == true
            ? Math.Max(json.OptionalObject("model_parameters")?.OptionalCount("n") ?? 1, 1)
            : null;

    // Some providers count parts beside the totals, and reasoning or the use of tools in the sum only. The hook counts the same: token_counts.json has cases for both.
    static (long Prompt, long Completion, TokenKinds Kinds) Tokens(JsonElement json, JsonElement? metadata)
    {
        // Without usage_object, the response has it.
        var usage = metadata?.OptionalObject("usage_object") ?? json.OptionalObject("response")?.OptionalObject("usage");
        var kinds = Kinds(usage);
        var (prompt, completion) = (Required("prompt_tokens"), Required("completion_tokens"));
        prompt += kinds.CachedPrompt + kinds.CacheWrite > prompt ? kinds.CachedPrompt + kinds.CacheWrite : 0;
        completion = Math.Max(completion, (Optional("total_tokens", 2 * UsageEvent.MaximumTokens) ?? 0) - prompt);
        completion += kinds.Reasoning > completion ? kinds.Reasoning : 0;
        return Math.Max(prompt, completion) <= UsageEvent.MaximumTokens
            ? (prompt, completion, kinds.CheckedAgainst(prompt, completion))
            : throw new FieldException($"prompt and completion must be at most {UsageEvent.MaximumTokens} tokens each, with those that only total_tokens or the details count");

        // If a call failed before its end, the payload may omit the counts.
        long Required(string name) => Optional(name, UsageEvent.MaximumTokens) ?? (HasFailed(json) ? 0 : throw new FieldException($"{name} is missing: send a whole number"));

        long? Optional(string name, long maximum) => (json.OptionalCount(name, maximum), usage?.OptionalCount(name, maximum)) switch
        {
            ({ } sent, { } detailed) => Math.Max(sent, detailed),
            var (sent, detailed) => sent ?? detailed,
        };
    }

    // Several fields have the same number, depending on the provider and on LiteLLM's release.
    static TokenKinds Kinds(JsonElement? usage)
    {
        var prompt = usage?.OptionalObject("prompt_tokens_details") ?? usage?.OptionalObject("input_tokens_details");
        var completion = usage?.OptionalObject("completion_tokens_details") ?? usage?.OptionalObject("output_tokens_details");
        return new TokenKinds(
            CachedPrompt: Math.Max(Part(prompt, "cached_tokens"), Part(usage, "cache_read_input_tokens")),
            CacheWrite: Math.Max(Part(usage, "cache_creation_input_tokens"), Math.Max(Part(prompt, "cache_creation_tokens"), Part(prompt, "cache_write_tokens"))),
            Reasoning: Part(completion, "reasoning_tokens"),
            Audio: Part(prompt, "audio_tokens") + Part(completion, "audio_tokens"));
    }

    static long Part(JsonElement? details, string name) => details?.OptionalCount(name) ?? 0;
}
