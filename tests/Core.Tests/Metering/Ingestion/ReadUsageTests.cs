using System.Text.Json;

namespace ControlPlane.Tests.Metering.Ingestion;

public class ReadUsageTests
{
    const string Complete = """
        {"id":"e1","occurred_at":"2026-01-31T12:00:00.1234567+01:00","user":"u1","session":"s1","model":"mistral:7b","prompt_tokens":10,"completion_tokens":5,
         "reservation_id":"0195c5a8-0000-7000-8000-000000000000","feature":"image","quantity":2,"something_else":{}}
        """;

    [Fact]
    public void A_complete_event_is_read_with_its_time_in_utc_microseconds()
    {
        var usage = Read(Complete).Event!;

        Assert.Equal(("e1", "u1", "s1", "mistral:7b", 10L, 5L, "image", 2L), (usage.Id, usage.User, usage.Session, usage.Model, usage.PromptTokens, usage.CompletionTokens, usage.Feature, usage.Quantity));
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
    public void A_redelivered_event_is_equal_and_one_with_different_content_is_not()
    {
        var usage = Read(Complete).Event!;

        Assert.Equal(usage, Read(Complete).Event!);
        Assert.NotEqual(usage, Read(Complete.Replace("mistral:7b", "qwen3:8b", StringComparison.Ordinal)).Event!);
    }

    static Submission Read(string json, UsageFormat format = UsageFormat.Event)
    {
        using var document = JsonDocument.Parse(json);
        return ReadUsage.Read(0, format, document.RootElement, default);
    }

    static void AssertMalformed(string json, string message)
    {
        var submission = Read(json);
        Assert.Null(submission.Event);
        Assert.Equal(Rejection.Codes.Malformed, submission.Rejection!.Code);
        Assert.Contains(message, submission.Rejection.Detail, StringComparison.Ordinal);
    }
}
