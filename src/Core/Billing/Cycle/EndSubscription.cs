using ControlPlane.Accounts.Tenants;
using ControlPlane.Provisioning;
using ControlPlane.Subscriptions;

namespace ControlPlane.Billing.Cycle;

/// <summary>Ends what was not paid for, and deletes what has ended. Invoices and bookings stay, and can still be paid.</summary>
public sealed class EndSubscription(Clock clock, CycleMails mails, ControlPlaneOptions options, RetentionPolicy retention)
{
    internal async Task TellAsync(Transaction transaction, LoadedCycle cycle, Transition.TellClosing told, CancellationToken ct)
    {
        var (subscription, now, policy) = (cycle.Subscription, clock.GetUtcNow(), cycle.Facts.Policy);
        var (since, kept) = told.IsUnpaid
            ? (cycle.Facts.Periods.Single(state => state.Period.Number == told.Period).Since, policy.Closing)
            : (subscription.EndedAt!.Value, policy.KeepAfterEnd);
        var deletesAt = BillingCycle.ClosingAt(since, kept, now, policy);
        await transaction.MarkClosingToldAsync(subscription.Tenant, now, ct);
        await transaction.AuditAsync(clock, subscription.Tenant, "job:billing", "subscription.closing_told", new { deletes_at = deletesAt }, ct);
        await mails.ClosingAsync(transaction, cycle, told.IsUnpaid ? told.Period : null, deletesAt, ct);
    }

    DateOnly CopyUntil => DateOnly.FromDateTime((clock.GetUtcNow() + retention[RetentionClasses.Tenants]).UtcDateTime);

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
        await mails.ClosedAsync(transaction, cycle, close.Period, CopyUntil, ct);
        await DeleteAsync(transaction, tenant, close.Reason, ct);
    }

    /// <summary>The time for which the environment of a cancelled subscription is kept is over.</summary>
    internal async Task DeleteAsync(Transaction transaction, LoadedCycle cycle, Transition.Delete delete, CancellationToken ct)
    {
        await mails.ClosedAsync(transaction, cycle, period: null, CopyUntil, ct);
        await DeleteAsync(transaction, cycle.Subscription.Tenant, $"cancelled, kept until {delete.DueAt:u}", ct);
    }

    async Task DeleteAsync(Transaction transaction, Guid tenant, string reason, CancellationToken ct)
    {
        await transaction.QueueProvisioningAsync(clock, options, tenant, await transaction.SlugAsync(tenant, ct), RunKinds.Delete, ct);
        await transaction.MarkDeletionRequestedAsync(clock, tenant, ct);
        await transaction.AuditAsync(clock, tenant, "job:billing", "subscription.closed", new { reason }, ct);
    }
}
