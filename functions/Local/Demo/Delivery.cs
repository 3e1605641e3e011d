namespace ControlPlane.Local.Demo;

/// <summary>One LLM call, as a tenant's gateway reports it.</summary>
/// <param name="OccurredAt">UTC, whole microseconds.</param>
public sealed record DemoEvent(string Id, DateTimeOffset OccurredAt, string User, string Session, string Model, long PromptTokens, long CompletionTokens)
{
    public long TotalTokens => PromptTokens + CompletionTokens;
}

/// <summary>What the platform has to make of one reported event.</summary>
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

/// <summary>The ways in which <c>POST /v1/usage</c> and <c>/v1/usage/litellm</c> take events.</summary>
public enum DeliveryForm
{
    One,
    Array,
    /// <summary>Under a tenant key; every other form is signed.</summary>
    Ndjson,
    CloudEvents,
    Litellm,
}

/// <summary>What is wrong with a delivery as a whole; nothing in it may be counted.</summary>
public enum Corruption
{
    None,
    /// <summary>The end of the body is missing: 400, and the text is held in quarantine.</summary>
    CutShort,
    /// <summary>Signed with another secret: 401.</summary>
    Forged,
}

/// <summary>One request, or the same one sent several times at once, as a gateway does that gave up waiting for the first answer.</summary>
public sealed record Delivery(DemoTenant Tenant, DeliveryForm Form, IReadOnlyList<Entry> Entries, int Times = 1, Corruption Corruption = Corruption.None)
{
    /// <summary>What all copies together have to be answered with.</summary>
    public Outcome Expected => (Corruption switch
    {
        Corruption.CutShort => Outcome.Nothing with { Refused = Times },
        Corruption.Forged => Outcome.Nothing with { Unauthorized = Times },
        _ => Outcome.Nothing with
        {
            Accepted = Count(ExpectedOutcome.Accepted),
            Duplicates = (Count(ExpectedOutcome.Duplicate) * Times) + (Count(ExpectedOutcome.Accepted) * (Times - 1)),
            Rejected = Entries.LongCount(entry => entry.ExpectedOutcome > ExpectedOutcome.Duplicate) * Times,
        },
    }) with
    { Sent = Entries.Count * Times };

    long Count(ExpectedOutcome fate) => Entries.LongCount(entry => entry.ExpectedOutcome == fate);
}

/// <summary>Counts of events by what became of them, and of whole deliveries that were turned away.</summary>
/// <param name="Sent">Events in all copies of all deliveries.</param>
/// <param name="Rejected">Events held in quarantine.</param>
/// <param name="Refused">Deliveries that were not JSON: one text each in quarantine.</param>
/// <param name="Unauthorized">Deliveries with a wrong signature: nothing is kept of them.</param>
public sealed record Outcome(long Sent, long Accepted, long Duplicates, long Rejected, long Refused, long Unauthorized)
{
    public static readonly Outcome Nothing = new(0, 0, 0, 0, 0, 0);

    public static Outcome operator +(Outcome a, Outcome b) => new(
        a.Sent + b.Sent, a.Accepted + b.Accepted, a.Duplicates + b.Duplicates, a.Rejected + b.Rejected, a.Refused + b.Refused,
        a.Unauthorized + b.Unauthorized);
}
