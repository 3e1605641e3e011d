using System.Text;

namespace ControlPlane.Metering.Ingestion;

/// <summary>One LLM call that happened, as a tenant's gateway reported it. Valid by construction.</summary>
public sealed record UsageEvent
{
    /// <summary>Highest number of tokens one event may carry in each direction; more is a broken meter.</summary>
    public const long MaximumTokens = 1_000_000_000;

    /// <summary>Longest id, user, session or model, in characters.</summary>
    public const int MaximumText = 200;

    /// <summary>Extras that plans limit by number.</summary>
    public static readonly IReadOnlyList<string> Features = ["rag_file", "web_search", "image"];

    /// <summary>The reporter's own id, unique within the tenant.</summary>
    public required string Id { get; init; }
    /// <summary>UTC, to the microsecond: what the database keeps.</summary>
    public required DateTimeOffset OccurredAt { get; init; }
    public required string User { get; init; }
    public string? Session { get; init; }
    public required string Model { get; init; }
    public required long PromptTokens { get; init; }
    public required long CompletionTokens { get; init; }
    public Guid? ReservationId { get; init; }
    public string? Feature { get; init; }
    /// <summary>How many of <see cref="Feature"/>; null without one.</summary>
    public long? Quantity { get; init; }

    public long TotalTokens => PromptTokens + CompletionTokens;

    public DateOnly Day => DateOnly.FromDateTime(OccurredAt.UtcDateTime);
}

/// <summary>Why something is held in quarantine instead of being counted.</summary>
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
    }
}

/// <summary>One event as it came in: its raw text, and what became of reading it.</summary>
/// <param name="Index">Its place in the request, counted from 0.</param>
/// <param name="Utf8">The raw text. Becomes a string only where it is needed: few events go to quarantine.</param>
public sealed record Submission(long Index, UsageFormat Form, ReadOnlyMemory<byte> Utf8, string? Id, UsageEvent? Event, Rejection? Rejection)
{
    public string Raw => Encoding.UTF8.GetString(Utf8.Span);
}

/// <summary>The notation an event is written in. Kept with what is held in quarantine, so that it can be read again.</summary>
public enum UsageFormat
{
    /// <summary>The platform's own, alone, in an array, as NDJSON or as the data of a CloudEvent.</summary>
    Event,
    /// <summary>LiteLLM's standard logging payload.</summary>
    Litellm,
}
