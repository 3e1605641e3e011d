using ControlPlane.Billing.Cycle;
using ControlPlane.Subscriptions;

namespace ControlPlane.Billing.Plans;

public abstract record CancelResult
{
    /// <param name="EndsOn">Exclusive. Until then the cancellation can be undone.</param>
    public sealed record Scheduled(DateOnly EndsOn) : CancelResult;
    /// <summary>A trial ends at once.</summary>
    public sealed record Ended : CancelResult;
    public sealed record Undone : CancelResult;
    /// <summary>There is nothing to cancel, or to undo.</summary>
    public sealed record Nothing : CancelResult;
}

/// <summary>Cancels a subscription at the end of its period, which can be undone until then. The environment is kept for a while, so that the customer can come back.</summary>
public sealed class CancelSubscription(ControlDatabase database, Clock clock, AdvanceSubscription advance, CycleMails mails)
{
    static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(5);

    public Task<CancelResult> RunAsync(Guid tenant, string actor, CancellationToken ct) => RunAsync(
        tenant, async (transaction, cycle) =>
        {
            var (subscription, now) = (cycle.Subscription, clock.GetUtcNow());
            if (subscription is not { Status: "active", TenantDeletedAt: null })
            {
                return new CancelResult.Nothing();
            }

            if (cycle.Facts.Scheduled is { IsCancellation: true } already)
            {
                return new CancelResult.Scheduled(already.EffectiveOn);
            }

            await transaction.SettleChangeAsync(tenant, isApplied: false, now, ct);
            if (subscription.TrialEndsAt is not null)
            {
                await transaction.EndSubscriptionAsync(tenant, "cancelled", now, ct);
                await transaction.AnnounceJobAsync(JobSchedules.Provision, tenant, ct);
                await transaction.AuditAsync(clock, tenant, actor, "subscription.ended", new { reason = "cancelled" }, ct);
                await mails.EndedAsync(transaction, subscription, now, ct);
                return new CancelResult.Ended();
            }

            var end = BillingPeriod.Of(subscription.Anchor, subscription.OpenPeriod).End;
            var change = new ScheduledChange(Ids.New(clock), Plan: null, end, actor, now);
            await transaction.ScheduleAsync(tenant, change, ct);
            await transaction.AuditAsync(clock, tenant, actor, "subscription.cancelled", new { ends_on = end }, ct);
            await mails.CancelledAsync(transaction, subscription, change, ct);
            return new CancelResult.Scheduled(end);
        },
        ct);

    public Task<CancelResult> UndoAsync(Guid tenant, string actor, CancellationToken ct) => RunAsync(
        tenant, async (transaction, cycle) =>
        {
            if (cycle.Facts.Scheduled is not { IsCancellation: true } change || cycle.Subscription.TenantDeletedAt is not null)
            {
                return new CancelResult.Nothing();
            }

            await transaction.SettleChangeAsync(tenant, isApplied: false, clock.GetUtcNow(), ct);
            await transaction.AuditAsync(clock, tenant, actor, "subscription.cancellation_undone", null, ct);
            await mails.CancellationUndoneAsync(transaction, cycle.Subscription, change, ct);
            return new CancelResult.Undone();
        },
        ct);

    async Task<CancelResult> RunAsync(Guid tenant, Func<Transaction, LoadedCycle, Task<CancelResult>> run, CancellationToken ct)
    {
        using var place = await database.EnterJobAsync(tenant, ct);
        // The period that has ended is closed as it was agreed; what is asked for now is for the next one.
        await advance.RunAsync(tenant, ct);
        await using var transaction = await database.BeginJobAsync(ct, LockTimeout);
        if (await transaction.CycleAsync(tenant, [SubscriptionLock.Acquire], new CyclePolicy(), ct) is not { } cycle)
        {
            return new CancelResult.Nothing();
        }

        var result = await run(transaction, cycle);
        await transaction.CommitAsync(ct);
        return result;
    }
}
