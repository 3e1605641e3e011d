namespace ControlPlane.Billing.Cycle;

/// <summary>One step of the billing cycle.</summary>
/// <param name="Period">Its number.</param>
/// <param name="DueAt">The instant at which it was due, however late it is applied.</param>
public abstract record Transition(int Period, DateTimeOffset DueAt)
{
    /// <summary>Whether it follows from what was paid or failed, and is due whatever the time.</summary>
    public bool IsFact { get; init; }

    /// <summary>Tells what the invoice will be, while the plan of the next period can still be changed.</summary>
    public sealed record Preview(int Period, DateTimeOffset DueAt) : Transition(Period, DueAt);

    /// <summary>Writes the invoice, opens the next period and applies the change that is scheduled for its start.</summary>
    public sealed record ClosePeriod(int Period, DateTimeOffset DueAt) : Transition(Period, DueAt);

    /// <param name="GraceFrom">What dunning is counted from; null: nothing is unpaid.</param>
    public sealed record Move(int Period, DateTimeOffset DueAt, Stage From, Stage To, DateTimeOffset? GraceFrom) : Transition(Period, DueAt);

    /// <summary>Tells the customer that the environment will be deleted.</summary>
    /// <param name="IsUnpaid">Otherwise the customer cancelled.</param>
    public sealed record TellClosing(int Period, DateTimeOffset DueAt, bool IsUnpaid) : Transition(Period, DueAt);

    /// <summary>Ends a subscription that was not paid for, and deletes its tenant.</summary>
    public sealed record CloseSubscription(int Period, DateTimeOffset DueAt, string Reason) : Transition(Period, DueAt);

    /// <summary>Deletes the tenant of a subscription that has ended.</summary>
    public sealed record Delete(int Period, DateTimeOffset DueAt) : Transition(Period, DueAt);
}
