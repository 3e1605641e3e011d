using ControlPlane.Billing.Invoices;
using ControlPlane.Subscriptions;

namespace ControlPlane.Billing;

/// <summary>What a tenant's open period would be invoiced with if it ended now.</summary>
public sealed class NextInvoice(ControlDatabase database, WriteInvoice writeInvoice)
{
    /// <returns>null: there would be no invoice, as for a trial.</returns>
    public async Task<Invoice?> FindAsync(Guid tenant, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(tenant, ct);
        return await transaction.SubscriptionAsync(tenant, ct) is { Status: "active", TrialEndsAt: null } subscription
            ? await writeInvoice.DraftAsync(transaction, subscription, await transaction.SegmentsAsync(tenant, ct), BillingPeriod.Of(subscription.Anchor, subscription.OpenPeriod), ct)
            : null;
    }
}
