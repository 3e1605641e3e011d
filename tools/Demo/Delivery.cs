namespace ControlPlane.Demo;

/// <summary>One LLM call, as a tenant's gateway reports it.</summary>
/// <param name="OccurredAt">UTC, whole microseconds.</param>
public sealed record DemoEvent(string Id, DateTimeOffset OccurredAt, string User, string Session, string Model, long PromptTokens, long CompletionTokens)
{
    public long TotalTokens => PromptTokens + CompletionTokens;
}

/// <summary>What the platform must do with one reported event.</summary>
public enum ExpectedOutcome
{
    Accepted,
    Duplicate,
    Malformed,
    UnknownModel,
    InFuture,
    TooOld,
    Conflict,
}

public sealed record Entry(DemoEvent Event, ExpectedOutcome ExpectedOutcome);

/// <summary>The formats that <c>POST /v1/usage</c> and <c>/v1/usage/litellm</c> accept.</summary>
public enum DeliveryFormat
{
    One,
    Array,
    /// <summary>Under a tenant key; every other format is signed.</summary>
    Ndjson,
    CloudEvents,
    Litellm,
}

/// <summary>What is wrong with a whole delivery; none of its events may be counted.</summary>
public enum Corruption
{
    None,
    /// <summary>The end of the body is missing: 400, and the text goes to quarantine.</summary>
    Truncated,
    /// <summary>Signed with another secret: 401.</summary>
    Forged,
}

/// <summary>One request, or several concurrent copies of it, as sent by a gateway whose first attempt timed out.</summary>
public sealed record Delivery(DemoTenant Tenant, DeliveryFormat Format, IReadOnlyList<Entry> Entries, int Times = 1, Corruption Corruption = Corruption.None)
{
    /// <summary>The combined responses that all copies must get.</summary>
    public Outcome Expected => (Corruption switch
    {
        Corruption.Truncated => Outcome.Nothing with { Refused = Times },
        Corruption.Forged => Outcome.Nothing with { Unauthorized = Times },
        _ => Outcome.Nothing with
        {
            Accepted = Count(ExpectedOutcome.Accepted),
            Duplicates = (Count(ExpectedOutcome.Duplicate) * Times) + (Count(ExpectedOutcome.Accepted) * (Times - 1)),
            Rejected = Entries.LongCount(entry => entry.ExpectedOutcome > ExpectedOutcome.Duplicate) * Times,
        },
    }) with
    { Sent = Entries.Count * Times };

    long Count(ExpectedOutcome outcome) => Entries.LongCount(entry => entry.ExpectedOutcome == outcome);
}

/// <summary>Events by outcome, and rejected deliveries.</summary>
/// <param name="Sent">Events in all copies of all deliveries.</param>
/// <param name="Rejected">Events in quarantine.</param>
/// <param name="Refused">Deliveries that were not JSON: one quarantined text each.</param>
/// <param name="Unauthorized">Deliveries with a wrong signature, which are discarded.</param>
public sealed record Outcome(long Sent, long Accepted, long Duplicates, long Rejected, long Refused, long Unauthorized)
{
    public static readonly Outcome Nothing = new(0, 0, 0, 0, 0, 0);

    public static Outcome operator +(Outcome a, Outcome b) => new(
        a.Sent + b.Sent, a.Accepted + b.Accepted, a.Duplicates + b.Duplicates, a.Rejected + b.Rejected, a.Refused + b.Refused,
        a.Unauthorized + b.Unauthorized);
}
