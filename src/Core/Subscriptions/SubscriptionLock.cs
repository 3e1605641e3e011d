namespace ControlPlane.Subscriptions;

/// <summary>
/// Serializes what changes a subscription: its plan, its stages and the payments that move them. Where several are taken, the order is: <see cref="BillingLock"/>,
/// the environment's row, the subscription's row, the tenant's row.
/// </summary>
public static class SubscriptionLock
{
    /// <summary>$1: tenant id. Held until the end of the transaction. Usage is recorded meanwhile: it needs the key only.</summary>
    public const string Acquire = "select 1 from control.subscription where tenant_id = $1 for no key update";
}
