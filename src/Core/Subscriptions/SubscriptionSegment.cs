namespace ControlPlane.Subscriptions;

/// <summary>What the stage of the worst unpaid period leaves of the platform.</summary>
public enum Access
{
    Full,
    LocalModels,
    None,
}

/// <summary>As stored.</summary>
public static class AccessNames
{
    public static string Stored(this Access access) => access switch
    {
        Access.Full => "full",
        Access.LocalModels => "local_models",
        _ => "none",
    };

    public static Access Parse(string stored) => stored switch
    {
        "full" => Access.Full,
        "local_models" => Access.LocalModels,
        _ => Access.None,
    };
}

/// <summary>Why a segment begins.</summary>
public enum SegmentReason
{
    Started,
    Upgraded,
    Changed,
    Paused,
    Resumed,
    Reactivated,
}

/// <summary>The plan and terms in force from an instant on, until the next segment starts. A subscription without any has had its plan since the anchor.</summary>
/// <param name="StartsAt">In whole seconds.</param>
/// <param name="Plan">null: paused, without base charge and allowance.</param>
/// <param name="MinimumEur">What a whole period costs at least, EUR; null: no minimum.</param>
public sealed record SubscriptionSegment(
    DateTimeOffset StartsAt, string? Plan, AgreedTerms Agreed, decimal? MinimumEur, SegmentReason Reason);

public static class SubscriptionSegments
{
    /// <summary>Segments start at whole seconds.</summary>
    public static DateTimeOffset ToWholeSeconds(this DateTimeOffset at) => at.AddTicks(-(at.Ticks % TimeSpan.TicksPerSecond));

    /// <summary>Those in force within a period. The first one may have started before it.</summary>
    /// <param name="segments">By their start.</param>
    public static IEnumerable<SubscriptionSegment> In(this IReadOnlyList<SubscriptionSegment> segments, BillingPeriod period) =>
        segments.Where((segment, i) => segment.StartsAt < period.EndsAt && (i + 1 == segments.Count || segments[i + 1].StartsAt > period.StartsAt));
}

/// <summary>Terms of one subscription that differ from its plan's; null takes the plan's.</summary>
/// <param name="EurPerMonth">EUR.</param>
/// <param name="OverageEurPerThousand">EUR per 1,000 tokens.</param>
public sealed record AgreedTerms(decimal? EurPerMonth = null, decimal? OverageEurPerThousand = null, long? TokensPerMonth = null);

/// <summary>A change that was asked for and takes effect at the end of a period.</summary>
/// <param name="Plan">null: the subscription is cancelled.</param>
public sealed record ScheduledChange(Guid Id, string? Plan, DateOnly EffectiveOn, string RequestedBy, DateTimeOffset RequestedAt)
{
    public bool IsCancellation => Plan is null;

    public AgreedTerms Agreed { get; init; } = new();

    /// <summary>What a whole period costs at least, EUR; null: no minimum.</summary>
    public decimal? MinimumEur { get; init; }
}
