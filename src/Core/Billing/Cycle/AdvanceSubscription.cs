using ControlPlane.Subscriptions;

namespace ControlPlane.Billing.Cycle;

/// <summary>Applies what the billing cycle has due for one subscription.</summary>
public sealed class AdvanceSubscription
{
    /// <summary>
    /// Moves the stages of the tenant's periods by a fact that the caller has just recorded in this transaction, under <see cref="SubscriptionLock.Acquire"/>:
    /// who pays has access in the commit that books it. What else is due is left to the job.
    /// </summary>
#pragma warning disable CA1822 // The rest of the class follows.
    public Task RunAsync(Transaction transaction, Guid tenant, CancellationToken ct) => transaction.BillingIsDueAsync(tenant, ct);
#pragma warning restore CA1822
}
