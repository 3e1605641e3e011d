namespace ControlPlane.Plans;

/// <summary>
/// Orders usage against invoicing, per tenant. Ingestion holds the lock shared while it assigns events to the open period; invoicing
/// holds it exclusively while it sums the period up and opens the next. So an event is either in the sum or in the next period.
/// Advisory, because a row lock would write to the subscription's row with every event.
/// </summary>
public static class BillingLock
{
    /// <summary>$1: tenant id. Held to the end of the transaction; take it before reading the subscription.</summary>
    public const string Shared = "select pg_advisory_xact_lock_shared(hashtextextended('billing ' || $1::text, 0))";

    /// <inheritdoc cref="Shared"/>
    public const string Exclusive = "select pg_advisory_xact_lock(hashtextextended('billing ' || $1::text, 0))";
}
