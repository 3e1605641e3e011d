namespace ControlPlane.Subscriptions;

/// <summary>
/// Serializes the assignment of events to billing periods, per tenant. Ingestion holds the lock while it looks up an event's id, assigns the event to
/// the open period and inserts it; invoicing holds it while it totals the period and opens the next. So an event is either in the total or in the next
/// period, and of two events with one id, in whatever months, the second finds the first. Advisory, because a row lock would write to the
/// subscription's row with every event.
/// </summary>
public static class BillingLock
{
    /// <summary>$1: tenant id. Held until the end of the transaction; acquire it before reading the subscription.</summary>
    public const string Acquire = "select pg_advisory_xact_lock(hashtextextended('billing ' || $1::text, 0))";

    /// <summary>As <see cref="Acquire"/>, without waiting: returns false when another transaction holds it.</summary>
    public const string TryAcquire = "select pg_try_advisory_xact_lock(hashtextextended('billing ' || $1::text, 0))";
}
