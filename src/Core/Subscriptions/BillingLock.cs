namespace ControlPlane.Subscriptions;

/// <summary>
/// Orders what assigns events to billing periods, per tenant. Ingestion holds the lock while it looks for an event's id, assigns the event to the open
/// period and inserts it; invoicing holds it while it sums the period up and opens the next. So an event is either in the sum or in the next
/// period, and of two events with one id, in whatever months, the second sees the first. Advisory, because a row lock would write to the
/// subscription's row with every event.
/// </summary>
public static class BillingLock
{
    /// <summary>$1: tenant id. Held to the end of the transaction; take it before reading the subscription.</summary>
    public const string Take = "select pg_advisory_xact_lock(hashtextextended('billing ' || $1::text, 0))";

    /// <summary>As <see cref="Take"/>, without waiting: the answer is false when somebody else holds it.</summary>
    public const string Try = "select pg_try_advisory_xact_lock(hashtextextended('billing ' || $1::text, 0))";
}
