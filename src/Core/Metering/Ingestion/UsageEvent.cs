using System.Text;

namespace ControlPlane.Metering.Ingestion;

/// <summary>One completed LLM call, as a tenant's gateway reported it. Valid by construction.</summary>
public sealed record UsageEvent
{
    /// <summary>Maximum prompt tokens, and maximum completion tokens, of one event: the largest context window of any model.</summary>
    public const long MaximumTokens = 10_000_000;

    /// <summary>Maximum length of the model's name, in characters.</summary>
    public const int MaximumText = 200;

    /// <summary>The feature whose units are pictures.</summary>
    public const string ImageFeature = "image";

    /// <summary>Features whose number of uses the plans limit.</summary>
    public static readonly IReadOnlyList<string> Features = ["rag_file", "web_search", ImageFeature];

    /// <summary>Assigned by the sender, unique within the tenant. Like the user and the session, as <see cref="ExternalIds.Stored"/>.</summary>
    public required string Id { get; init; }
    /// <summary>UTC, with the precision of the database, one microsecond.</summary>
    public required DateTimeOffset OccurredAt { get; init; }
    public required string User { get; init; }
    public string? Session { get; init; }
    public required string Model { get; init; }
    public required long PromptTokens { get; init; }
    public required long CompletionTokens { get; init; }
    /// <summary>Each at most its total.</summary>
    public TokenKinds Kinds { get; init; } = TokenKinds.None;
    /// <summary>The gateway answered from its own cache. The event counts as any other, and costs nothing, because no provider was asked.</summary>
    public bool CacheHit { get; init; }
    public Guid? ReservationId { get; init; }
    public string? Feature { get; init; }
    /// <summary>Units of <see cref="Feature"/>; null without a feature.</summary>
    public long? Quantity { get; init; }

    public long TotalTokens => PromptTokens + CompletionTokens;

    public DateOnly Day => DateOnly.FromDateTime(OccurredAt.UtcDateTime);
}

/// <summary>Why an event is held in quarantine instead of being counted.</summary>
/// <param name="Code">One of <see cref="Codes"/>.</param>
/// <param name="Detail">What to send instead.</param>
public sealed record Rejection(string Code, string Detail)
{
    public static class Codes
    {
        public const string Malformed = "malformed";
        public const string UnknownModel = "unknown_model";
        public const string InFuture = "in_future";
        public const string TooOld = "too_old";
        public const string Conflict = "conflict";
        public const string NoSubscription = "no_subscription";
        public const string SubscriptionEnded = "subscription_ended";
        /// <summary>In a reply only: the event was rejected for another reason, and the tenant's quarantine has no room for it.</summary>
        public const string QuarantineFull = "quarantine_full";
    }
}

/// <summary>One event as it was received: its raw text and the result of parsing it.</summary>
/// <param name="Index">Position in the request, from 0.</param>
/// <param name="Utf8">The raw text. Decoded only when needed, because few events go to quarantine.</param>
public sealed record Submission(long Index, UsageFormat Format, ReadOnlyMemory<byte> Utf8, string? Id, UsageEvent? Event, Rejection? Rejection)
{
    public string Raw => Encoding.UTF8.GetString(Utf8.Span);
}

/// <summary>The format of an event. Stored in quarantine, so that the event can be parsed again.</summary>
public enum UsageFormat
{
    /// <summary>The platform's own: a single event, an array, NDJSON, or the data of a CloudEvent.</summary>
    Event,
    /// <summary>LiteLLM's StandardLoggingPayload.</summary>
    Litellm,
}
