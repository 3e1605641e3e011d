using ControlPlane.Billing.Mails;
using ControlPlane.Billing.Plans;
using ControlPlane.Notifications.Webhooks;
using ControlPlane.Subscriptions;

namespace ControlPlane.Billing.Cycle;

// What customers are told of their plan.
public sealed partial class CycleMails
{
    internal async Task EndedAsync(Transaction transaction, Subscription subscription, DateTimeOffset endedAt, CancellationToken ct)
    {
        await outbox.EnqueueAsync(
            transaction, subscription.Tenant, $"ended:{endedAt:O}",
            new BillingMail.Ended(await TitleAsync(transaction, subscription.Plan, endedAt, ct), DateOnly.FromDateTime((endedAt + new CyclePolicy().KeepAfterEnd).UtcDateTime)), ct);
        await NotifyAsync(transaction, subscription.Tenant, "ended", plan: null, endedAt, ct);
    }

    internal async Task PlanChangedAsync(Transaction transaction, Guid tenant, PlanChange change, BillingPeriod period, CancellationToken ct)
    {
        await outbox.EnqueueAsync(
            transaction, tenant, $"plan-changed:{change.EffectiveAt:O}:{change.To.Name}",
            new BillingMail.PlanChanged(
                change.To.Title, change.EffectiveAt, change.ThisPeriod?.TotalAmount, change.NextPeriod?.TotalAmount ?? change.To.PriceEurPerMonth, change.AllowanceTokens,
                period.End),
            ct);
        await NotifyAsync(transaction, tenant, "plan_changed", change.To.Name, change.EffectiveAt, ct);
    }

    /// <summary>A change that was scheduled is in force.</summary>
    internal Task ScheduledChangeAppliedAsync(Transaction transaction, Guid tenant, string plan, DateTimeOffset at, CancellationToken ct) =>
        NotifyAsync(transaction, tenant, "plan_changed", plan, at, ct);

    internal async Task ChangeScheduledAsync(Transaction transaction, Guid tenant, PlanChange change, CancellationToken ct)
    {
        await outbox.EnqueueAsync(
            transaction, tenant, $"change-scheduled:{change.To.Name}:{Today}",
            new BillingMail.ChangeScheduled(
                change.From.Title, change.To.Title, DateOnly.FromDateTime(change.EffectiveAt.UtcDateTime), change.NextPeriod?.TotalAmount ?? change.To.PriceEurPerMonth),
            ct);
        await NotifyAsync(transaction, tenant, "change_scheduled", change.To.Name, change.EffectiveAt, ct);
    }

    internal async Task ChangeUndoneAsync(Transaction transaction, Guid tenant, ScheduledChange undone, string plan, CancellationToken ct)
    {
        await outbox.EnqueueAsync(
            transaction, tenant, $"change-undone:{undone.Plan}:{Today}", new BillingMail.ChangeUndone(await TitleAsync(transaction, plan, undone.RequestedAt, ct)), ct);
        await NotifyAsync(transaction, tenant, "change_undone", plan, clock.GetUtcNow(), ct);
    }

    internal async Task CancelledAsync(Transaction transaction, Subscription subscription, ScheduledChange change, CancellationToken ct)
    {
        await outbox.EnqueueAsync(
            transaction, subscription.Tenant, $"cancelled:{Today}",
            new BillingMail.Cancelled(
                await TitleAsync(transaction, subscription.Plan, change.RequestedAt, ct), change.EffectiveOn, change.EffectiveOn.AddDays((int)new CyclePolicy().KeepAfterEnd.TotalDays)),
            ct);
        await NotifyAsync(
            transaction, subscription.Tenant, "cancelled", subscription.Plan, new DateTimeOffset(change.EffectiveOn, TimeOnly.MinValue, TimeSpan.Zero), ct);
    }

    internal async Task CancellationUndoneAsync(Transaction transaction, Subscription subscription, ScheduledChange undone, CancellationToken ct)
    {
        await outbox.EnqueueAsync(
            transaction, subscription.Tenant, $"cancellation-undone:{Today}",
            new BillingMail.CancellationUndone(await TitleAsync(transaction, subscription.Plan, undone.RequestedAt, ct)), ct);
        await NotifyAsync(transaction, subscription.Tenant, "cancellation_undone", subscription.Plan, clock.GetUtcNow(), ct);
    }

    /// <param name="change">plan_changed, change_scheduled, change_undone, cancelled, cancellation_undone, suspended, reactivated, ended or closed.</param>
    /// <param name="plan">The one that is meant; null: none is in force any more.</param>
    Task NotifyAsync(Transaction transaction, Guid tenant, string change, string? plan, DateTimeOffset effectiveAt, CancellationToken ct) =>
        transaction.EnqueueWebhookAsync(clock, tenant, "subscription.changed", new { TenantId = tenant, Change = change, Plan = plan, EffectiveAt = effectiveAt }, ct);
}
