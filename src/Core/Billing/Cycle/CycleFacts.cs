using ControlPlane.Subscriptions;

namespace ControlPlane.Billing.Cycle;

/// <summary>Where a period stands. In the database, <see cref="Open"/> is the absence of a row.</summary>
public enum Stage
{
    Open,
    Previewed,
    Invoiced,
    /// <summary>A bank debit is under way: everything works.</summary>
    Pending,
    PastDue,
    Dunning,
    Suspended,
    Paid,
    Closed,
}

/// <summary>Where the collection of an invoice stands, as the provider or the bank said.</summary>
public enum CollectionState
{
    /// <summary>There is nothing to collect.</summary>
    None,
    Due,
    RequiresAction,
    Pending,
    Failed,
    Reversed,
    Succeeded,
    Cancelled,
}

/// <summary>What is to be paid for a period.</summary>
/// <param name="Open">EUR still to be settled, of the period's invoice and its interim ones. 0: settled, however.</param>
/// <param name="DueAt">When a charge is made; for a transfer, until when it has to arrive.</param>
/// <param name="ChangedAt">When the provider or bank said so.</param>
/// <param name="Bounces">Failed debits and reversals. Only the first debit under way gives access.</param>
public sealed record Receivable(decimal Open, CollectionState State, DateTimeOffset DueAt, DateTimeOffset ChangedAt, int Bounces)
{
    /// <summary>A bank transfer, which fails by not arriving.</summary>
    public bool IsTransfer { get; init; }
}

/// <param name="Since">When the stage was due; <see cref="BillingCycle.Effective"/> of the actual instant when it came late.</param>
/// <param name="GraceFrom">What dunning and suspension are counted from; null before the first failure.</param>
/// <param name="Receivable">null before there is an invoice.</param>
public sealed record PeriodState(BillingPeriod Period, Stage Stage, DateTimeOffset Since, DateTimeOffset? GraceFrom, Receivable? Receivable);

/// <summary>All that decides what the billing cycle does with a subscription.</summary>
/// <param name="IsPriced">Whether the open period has a base charge or an invoice at all: a trial has none.</param>
/// <param name="BeganPaused">Whether the open period began while the subscription was suspended.</param>
/// <param name="Periods">Those that are not settled, and the open one.</param>
public sealed record CycleFacts(
    Subscription Subscription, bool IsPriced, bool BeganPaused, IReadOnlyList<PeriodState> Periods, ScheduledChange? Scheduled, CyclePolicy Policy);

/// <summary>The times of the billing cycle.</summary>
public sealed record CyclePolicy
{
    /// <summary>Before the end of a period.</summary>
    public TimeSpan Preview { get; init; } = TimeSpan.FromHours(48);

    /// <summary>From the end of a period until its invoice is charged.</summary>
    public TimeSpan Charge { get; init; } = TimeSpan.FromHours(9);

    /// <summary>The grace: from the failure until only local models are left.</summary>
    public TimeSpan Dunning { get; init; } = TimeSpan.FromHours(72);

    /// <summary>From dunning on.</summary>
    public TimeSpan Suspension { get; init; } = TimeSpan.FromHours(72);

    /// <summary>From suspension on.</summary>
    public TimeSpan Closing { get; init; } = TimeSpan.FromDays(30);

    /// <summary>Before an environment is deleted.</summary>
    public TimeSpan ClosingNotice { get; init; } = TimeSpan.FromDays(7);

    /// <summary>What is entered later than this after it was due is counted from when it was entered.</summary>
    public TimeSpan Late { get; init; } = TimeSpan.FromHours(12);

    /// <summary>How long the environment of an ended subscription is kept.</summary>
    public TimeSpan KeepAfterEnd { get; init; } = TimeSpan.FromDays(30);
}
