using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace ControlPlane.Demo;

/// <summary>A delivery as an HTTP request body.</summary>
public sealed record DeliveryBody(string Path, string ContentType, byte[] Content)
{
    public static DeliveryBody Of(Delivery delivery)
    {
        var events = delivery.Entries.Select(entry => entry.Event);
        var (path, type, text) = delivery.Format switch
        {
            DeliveryFormat.One => ("/v1/usage", "application/json", EventJson(events.Single()).ToJsonString()),
            DeliveryFormat.Array => ("/v1/usage", "application/json", ArrayOf(events.Select(EventJson))),
            DeliveryFormat.Ndjson => ("/v1/usage", "application/x-ndjson", string.Join('\n', events.Select(usage => EventJson(usage).ToJsonString()))),
            DeliveryFormat.CloudEvents => ("/v1/usage", "application/cloudevents-batch+json", ArrayOf(events.Select(CloudEventJson))),
            _ => ("/v1/usage/litellm", "application/json", ArrayOf(events.Select(LitellmJson))),
        };
        return new DeliveryBody(path, type, Encoding.UTF8.GetBytes(delivery.Corruption == Corruption.Truncated ? text[..^1] : text));
    }

    static JsonObject EventJson(DemoEvent usage) => new()
    {
        ["id"] = usage.Id,
        ["occurred_at"] = Rfc3339(usage.OccurredAt),
        ["user"] = usage.User,
        ["session"] = usage.Session,
        ["model"] = usage.Model,
        ["prompt_tokens"] = usage.PromptTokens,
        ["completion_tokens"] = usage.CompletionTokens,
    };

    // CloudEvents 1.0: the envelope carries id, time and user, the data everything else.
    static JsonObject CloudEventJson(DemoEvent usage) => new()
    {
        ["specversion"] = "1.0",
        ["type"] = "llm.call",
        ["source"] = "/demo/gateway",
        ["id"] = usage.Id,
        ["time"] = Rfc3339(usage.OccurredAt),
        ["subject"] = usage.User,
        ["data"] = new JsonObject
        {
            ["session"] = usage.Session,
            ["model"] = usage.Model,
            ["prompt_tokens"] = usage.PromptTokens,
            ["completion_tokens"] = usage.CompletionTokens,
        },
    };

    // The fields of LiteLLM's StandardLoggingPayload that the platform reads; times are seconds since 1970.
    static JsonObject LitellmJson(DemoEvent usage) => new()
    {
        ["id"] = usage.Id,
        ["trace_id"] = usage.Session,
        ["call_type"] = "acompletion",
        ["status"] = "success",
        ["startTime"] = UnixSeconds(usage.OccurredAt.AddSeconds(-2)),
        ["endTime"] = UnixSeconds(usage.OccurredAt),
        ["model"] = $"provider/{usage.Model}",
        ["model_group"] = usage.Model,
        ["end_user"] = usage.User,
        ["prompt_tokens"] = usage.PromptTokens,
        ["completion_tokens"] = usage.CompletionTokens,
        ["total_tokens"] = usage.TotalTokens,
    };

    static string ArrayOf(IEnumerable<JsonObject> items) => new JsonArray([.. items]).ToJsonString();

    static string Rfc3339(DateTimeOffset instant) => instant.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);

    static decimal UnixSeconds(DateTimeOffset instant) => (instant - DateTimeOffset.UnixEpoch).Ticks / (decimal)TimeSpan.TicksPerSecond;
}
