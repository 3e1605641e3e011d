using System.Text.Json;
using System.Text.Json.Nodes;

namespace ControlPlane.Tests.Metering.Ingestion;

public class ReadUsageTests
{
    const string Complete = """
        {"id":"e1","occurred_at":"2026-01-31T12:00:00.1234567+01:00","user":"u1","session":"s1","model":"mistral:7b","prompt_tokens":10,"completion_tokens":5,
         "cached_prompt_tokens":4,"cache_write_tokens":6,"reasoning_tokens":5,"audio_tokens":15,"cache_hit":true,
         "reservation_id":"0195c5a8-0000-7000-8000-000000000000","feature":"image","quantity":2,"something_else":{}}
        """;

    [Fact]
    public void A_complete_event_is_read_with_its_time_in_utc_microseconds()
    {
        var usage = Read(Complete).Event!;

        Assert.Equal(("e1", "u1", "s1", "mistral:7b", 10L, 5L, "image", 2L), (usage.Id, usage.User, usage.Session, usage.Model, usage.PromptTokens, usage.CompletionTokens, usage.Feature, usage.Quantity));
        Assert.Equal((15L, new TokenKinds(CachedPrompt: 4, CacheWrite: 6, Reasoning: 5, Audio: 15), true), (usage.TotalTokens, usage.Kinds, usage.CacheHit));
        Assert.Equal(new DateTimeOffset(2026, 1, 31, 11, 0, 0, 123, 456, TimeSpan.Zero), usage.OccurredAt);
    }

    [Theory]
    [InlineData("id", "id is missing")]
    [InlineData("occurred_at", "occurred_at is missing")]
    [InlineData("user", "user is missing")]
    [InlineData("model", "model is missing")]
    public void A_missing_field_is_named(string field, string message)
    {
        var json = JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(Complete)!;
        json.Remove(field);

        AssertMalformed(JsonSerializer.Serialize(json), message);
    }

    [Theory]
    [InlineData("""{"prompt_tokens":-1}""", "prompt_tokens must be a whole number")]
    [InlineData("""{"prompt_tokens":1.5}""", "prompt_tokens must be a whole number")]
    [InlineData("""{"prompt_tokens":"10"}""", "prompt_tokens must be a whole number")]
    [InlineData("""{"prompt_tokens":1e30}""", "prompt_tokens must be a whole number")]
    [InlineData("""{"occurred_at":"2026-01-31T12:00:00"}""", "occurred_at must be an RFC 3339 time with a time zone")]
    [InlineData("""{"occurred_at":"12:00:00Z"}""", "occurred_at must be an RFC 3339 time with a time zone")]
    [InlineData("""{"occurred_at":"2026-01-31Z"}""", "occurred_at must be an RFC 3339 time with a time zone")]
    [InlineData("""{"occurred_at":"01/02/2026 12:00:00 +00:00"}""", "occurred_at must be an RFC 3339 time with a time zone")]
    [InlineData("""{"occurred_at":"2026-01-31 12:00 PM +00:00"}""", "occurred_at must be an RFC 3339 time with a time zone")]
    [InlineData("""{"occurred_at":"2026-01-31T12:00:00 GMT"}""", "occurred_at must be an RFC 3339 time with a time zone")]
    [InlineData("""{"occurred_at":"2026-01-31T12:00:00Z\n"}""", "without control characters")]
    [InlineData("""{"occurred_at":"２０２６-01-31T12:00:00Z"}""", "occurred_at must be an RFC 3339 time with a time zone")]
    [InlineData("""{"occurred_at":12}""", "occurred_at must be a string")]
    [InlineData("""{"user":"a\u0000b"}""", "without control characters")]
    [InlineData("""{"user":"\ud800"}""", "not valid Unicode")]
    [InlineData("""{"cached_prompt_tokens":5}""", "cached_prompt_tokens and cache_write_tokens are parts of prompt_tokens: together they must be at most 10")]
    [InlineData("""{"cache_write_tokens":7}""", "cached_prompt_tokens and cache_write_tokens are parts of prompt_tokens: together they must be at most 10")]
    [InlineData("""{"reasoning_tokens":6}""", "reasoning_tokens is a part of completion_tokens: it must be at most 5")]
    [InlineData("""{"audio_tokens":16}""", "audio_tokens is a part of prompt_tokens and completion_tokens: it must be at most 15")]
    [InlineData("""{"reasoning_tokens":-1}""", "reasoning_tokens must be a whole number")]
    [InlineData("""{"cached_prompt_tokens":9007199254740993}""", "cached_prompt_tokens must be a whole number")]
    [InlineData("""{"audio_tokens":"1"}""", "audio_tokens must be a whole number")]
    [InlineData("""{"cache_hit":1}""", "cache_hit must be true or false")]
    [InlineData("""{"feature":"time_travel"}""", "feature must be one of rag_file, web_search, image")]
    [InlineData("""{"reservation_id":"x"}""", "reservation_id must be a UUID")]
    public void An_invalid_field_is_rejected_with_what_to_send_instead(string change, string message)
    {
        var json = JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(Complete)!;
        foreach (var (name, value) in JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(change)!)
        {
            json[name] = value;
        }

        // Joined by hand, because the serializer would replace the unpaired surrogate.
        AssertMalformed("{" + string.Join(",", json.Select(f => $"\"{f.Key}\":{f.Value.GetRawText()}")) + "}", message);
    }

    [Theory]
    [InlineData("12")]
    [InlineData("null")]
    [InlineData("[]")]
    public void A_value_that_is_not_an_object_is_malformed(string json) => AssertMalformed(json, "not a JSON object: send one event as a JSON object");

    [Fact]
    public void The_envelope_of_a_cloud_event_supplies_missing_fields_of_its_data()
    {
        var usage = Read("""
            {"specversion":"1.0","id":"ce1","source":"gw","type":"llm.call","time":"2026-01-31T12:00:00Z","subject":"u9",
             "data":{"model":"mistral:7b","prompt_tokens":1,"completion_tokens":2}}
            """).Event!;

        Assert.Equal(("ce1", "u9", 3L), (usage.Id, usage.User, usage.TotalTokens));
    }

    [Fact]
    public void A_LiteLLM_payload_is_read_with_its_public_model_name_and_end_user()
    {
        var usage = Read("""
            {"id":"chatcmpl-1","trace_id":"t1","status":"success","model":"ollama_chat/mistral:7b","model_group":"mistral:7b","prompt_tokens":12,"completion_tokens":3,
             "startTime":1769860800.0,"endTime":1769860801.5,"end_user":"u1","response_cost":0.0,"metadata":{}}
            """, UsageFormat.Litellm).Event!;

        Assert.Equal(("chatcmpl-1", "mistral:7b", "u1", 15L), (usage.Id, usage.Model, usage.User, usage.TotalTokens));
        Assert.Equal(DateTimeOffset.FromUnixTimeMilliseconds(1769860801500), usage.OccurredAt);
    }

    [Fact]
    public void A_payload_of_LiteLLM_counts_as_in_the_budget_hook()
    {
        using var stream = typeof(ReadUsageTests).Assembly.GetManifestResourceStream("token_counts.json")!;
        foreach (var test in JsonNode.Parse(stream)!.AsArray())
        {
            var read = Read(Payload(test!["payload"]!.ToJsonString()), UsageFormat.Litellm).Event!;
            Assert.Equal(
                (test["rule"], Counts(test["counts"]!)),
                (test["rule"], (read.PromptTokens, read.CompletionTokens, read.Kinds.CachedPrompt, read.Kinds.CacheWrite, read.Kinds.Reasoning, read.Kinds.Audio)));
        }

        static (long, long, long, long, long, long) Counts(JsonNode counts) => (
            Count(counts, "prompt_tokens"), Count(counts, "completion_tokens"), Count(counts, "cached_prompt_tokens"), Count(counts, "cache_write_tokens"),
            Count(counts, "reasoning_tokens"), Count(counts, "audio_tokens"));

        static long Count(JsonNode counts, string name) => (long?)counts[name] ?? 0;
    }

    [Theory]
    [InlineData("""{"prompt_tokens_details":{"cached_tokens":60},"completion_tokens_details":{"reasoning_tokens":30,"audio_tokens":null}}""", 60, 0, 30)]
    [InlineData("""{"input_tokens_details":{"cached_tokens":60,"cache_write_tokens":9},"output_tokens_details":{"reasoning_tokens":30}}""", 60, 9, 30)]
    [InlineData("[]", 0, 0, 0)]
    public void The_usage_of_LiteLLM_is_in_its_metadata_or_its_response(string usage, long cached, long write, long reasoning)
    {
        foreach (var details in new[] { $$$"""{"metadata":{"usage_object":{{{usage}}} }}""", $$$"""{"response":{"usage":{{{usage}}} },"metadata":{"usage_object":null}}""" })
        {
            var read = Read(Payload(details), UsageFormat.Litellm).Event!;
            Assert.Equal((140L, new TokenKinds(cached, write, reasoning, 0)), (read.TotalTokens, read.Kinds));
        }
    }

    [Theory]
    [InlineData("""{"metadata":{"usage_object":{"prompt_tokens_details":{"audio_tokens":141}}}}""", "audio_tokens is a part of prompt_tokens and completion_tokens")]
    [InlineData("""{"metadata":{"usage_object":{"prompt_tokens_details":{"cached_tokens":-1}}}}""", "cached_tokens must be a whole number")]
    [InlineData("""{"total_tokens":10000101}""", "prompt and completion must be at most 10000000 tokens each")]
    [InlineData("""{"metadata":{"usage_object":{"cache_read_input_tokens":9999999}}}""", "prompt and completion must be at most 10000000 tokens each")]
    [InlineData("""{"total_tokens":1.5}""", "total_tokens must be a whole number")]
    [InlineData("""{"prompt_tokens":null}""", "prompt_tokens is missing")]
    [InlineData("""{"cache_hit":"yes"}""", "cache_hit must be true or false")]
    public void A_payload_of_LiteLLM_that_cannot_be_counted_is_malformed(string change, string message) => AssertMalformed(Payload(change), message, UsageFormat.Litellm);

    [Theory]
    // LiteLLM's estimate of the prompt.
    [InlineData("""{"status":"failure","completion_tokens":0,"total_tokens":100,"response_cost":0}""", 0, 0)]
    [InlineData("""{"status":"failure","completion_tokens":null,"response_cost":null}""", 0, 0)]
    [InlineData("""{"status":"failure","prompt_tokens":null,"completion_tokens":null,"response_cost":0.01}""", 0, 0)]
    [InlineData("""{"status":"failure","completion_tokens":0,"response_cost":0.0001}""", 100, 0)]
    // Broken off.
    [InlineData("""{"status":"failure","response_cost":0}""", 100, 40)]
    [InlineData("""{"status":"success","completion_tokens":0,"response_cost":0}""", 100, 0)]
    public void Of_a_failed_call_only_what_its_provider_billed_is_counted(string change, long prompt, long completion)
    {
        var read = Read(Payload(change), UsageFormat.Litellm).Event!;
        Assert.Equal((prompt, completion, TokenKinds.None), (read.PromptTokens, read.CompletionTokens, read.Kinds));
    }

    [Theory]
    [InlineData("""{"cache_hit":true}""", true)]
    [InlineData("""{"cache_hit":false}""", false)]
    [InlineData("""{"cache_hit":null}""", false)]
    public void An_answer_from_the_cache_of_the_gateway_counts_and_says_so(string change, bool isHit)
    {
        var read = Read(Payload(change), UsageFormat.Litellm).Event!;
        Assert.Equal((140L, isHit), (read.TotalTokens, read.CacheHit));
    }

    [Theory]
    [InlineData("""{"call_type":"aimage_generation","model_parameters":{"n":3}}""", "image", 3L)]
    [InlineData("""{"call_type":"image_generation","model_parameters":{"n":null}}""", "image", 1L)]
    [InlineData("""{"call_type":"aimage_generation"}""", "image", 1L)]
    [InlineData("""{"call_type":"aimage_generation","status":"failure","completion_tokens":0}""", null, null)]
    [InlineData("""{"call_type":"acompletion","model_parameters":{"n":3}}""", null, null)]
    public void Pictures_of_LiteLLM_are_counted(string change, string? feature, long? quantity)
    {
        var read = Read(Payload(change), UsageFormat.Litellm).Event!;
        Assert.Equal((feature, quantity), (read.Feature, read.Quantity));
    }

    [Fact]
    public void A_redelivered_event_is_equal_and_one_with_different_content_is_not()
    {
        var usage = Read(Complete).Event!;

        Assert.Equal(usage, Read(Complete).Event!);
        Assert.NotEqual(usage, Read(Complete.Replace("mistral:7b", "qwen3:8b", StringComparison.Ordinal)).Event!);
        Assert.NotEqual(usage, Read(Complete.Replace("\"cache_hit\":true", "\"cache_hit\":false", StringComparison.Ordinal)).Event!);
    }

    static Submission Read(string json, UsageFormat format = UsageFormat.Event)
    {
        using var document = JsonDocument.Parse(json);
        return ReadUsage.Read(0, format, document.RootElement, default);
    }

    /// <summary>A payload of LiteLLM with 100 prompt and 40 completion tokens.</summary>
    static string Payload(string change)
    {
        var payload = JsonNode.Parse("""{"id":"l1","status":"success","model":"gpt-4-turbo","prompt_tokens":100,"completion_tokens":40,"endTime":1769860801.5}""")!.AsObject();
        foreach (var (name, value) in JsonNode.Parse(change)!.AsObject())
        {
            payload[name] = value?.DeepClone();
        }

        return payload.ToJsonString();
    }

    static void AssertMalformed(string json, string message, UsageFormat format = UsageFormat.Event)
    {
        var submission = Read(json, format);
        Assert.Null(submission.Event);
        Assert.Equal(Rejection.Codes.Malformed, submission.Rejection!.Code);
        Assert.Contains(message, submission.Rejection.Detail, StringComparison.Ordinal);
    }
}
