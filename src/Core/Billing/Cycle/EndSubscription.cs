using ControlPlane.Accounts.Tenants;
using ControlPlane.Provisioning;
using ControlPlane.Subscriptions;

namespace ControlPlane.Billing.Cycle;

/// <summary>Ends what was not paid for, and deletes what has ended. Invoices and bookings stay, and can still be paid.</summary>
public sealed class EndSubscription(Clock clock, CycleMails mails, ControlPlaneOptions options)
{
    /// <summary>The tenant is deleted now. Its last period is closed when it ends, as after any deletion.</summary>
    internal async Task CloseAsync(Transaction transaction, LoadedCycle cycle, Transition.CloseSubscription close, CancellationToken ct)
    {
        var (subscription, now) = (cycle.Subscription, clock.GetUtcNow());
        var tenant = subscription.Tenant;
        foreach (var state in cycle.Facts.Periods.Where(state => state.Stage is Stage.Invoiced or Stage.PastDue or Stage.Dunning or Stage.Suspended))
        {
            await transaction.EnterAsync(
                tenant, state.Period, Stage.Closed, BillingCycle.Effective(close.DueAt, now, cycle.Facts.Policy), now, state.GraceFrom, invoice: null, ct);
        }

        var invoice = cycle.Invoices[close.Period];
        await transaction.MarkUnpaidAsync(tenant, ct);
        await transaction.SettleChangeAsync(tenant, isApplied: false, now, ct);
        foreach (var unpaid in cycle.Invoices.Values)
        {
            await transaction.EndReviewAsync(clock, tenant, "suspended", unpaid.Number, ct);
            await transaction.EndReviewAsync(clock, tenant, "hard_decline", unpaid.Number, ct);
        }

        await transaction.RaiseReviewAsync(clock, tenant, "closing", invoice.Number, $"Invoice {invoice.Number} was not paid: the tenant is deleted.", ct);
        await mails.ClosedAsync(transaction, cycle, close.Period, ct);
        await DeleteAsync(transaction, tenant, close.Reason, ct);
    }

    /// <summary>The time for which the environment of a cancelled subscription is kept is over.</summary>
    internal async Task DeleteAsync(Transaction transaction, LoadedCycle cycle, Transition.Delete delete, CancellationToken ct)
    {
        await mails.ClosedAsync(transaction, cycle, period: null, ct);
        await DeleteAsync(transaction, cycle.Subscription.Tenant, $"cancelled, kept until {delete.DueAt:u}", ct);
    }

    async Task DeleteAsync(Transaction transaction, Guid tenant, string reason, CancellationToken ct)
    {
        await transaction.QueueProvisioningAsync(clock, options, tenant, await transaction.SlugAsync(tenant, ct), RunKinds.Delete, ct);
        await transaction.MarkDeletionRequestedAsync(clock, tenant, ct);
        await transaction.AuditAsync(clock, tenant, "job:billing", "subscription.closed", new { reason }, ct);
    }
}
