using ControlPlane.Accounts.Tenants;
using ControlPlane.Billing.Invoices;
using ControlPlane.Provisioning;
using ControlPlane.Subscriptions;

namespace ControlPlane.Billing.Cycle;

/// <summary>
/// Closes the open period of one subscription: writes its invoice, opens the next period and applies the change that was scheduled for its start. The caller
/// holds the tenant's billing lock, so that no event is added to the period meanwhile.
/// </summary>
public sealed class ClosePeriod(Clock clock, WriteInvoice writeInvoice, CycleMails mails, ControlPlaneOptions options)
{
    /// <returns>null: there is nothing to invoice.</returns>
    internal async Task<Invoice?> RunAsync(Transaction transaction, LoadedCycle cycle, CancellationToken ct)
    {
        var subscription = cycle.Subscription;
        var (tenant, now) = (subscription.Tenant, clock.GetUtcNow());
        var period = BillingPeriod.Of(subscription.Anchor, subscription.OpenPeriod);
        var isLast = cycle.Facts.Scheduled is { IsCancellation: true } cancellation && cancellation.EffectiveOn <= period.End;
        var invoice = subscription.TrialEndsAt is null ? await writeInvoice.RunAsync(transaction, subscription, cycle.Segments, period, now, ct, isLast) : null;
        var stage = invoice switch
        {
            null => Stage.Closed,
            { Status: "paid" } when !await transaction.ScalarAsync<bool>(HasOpenInterim, ct, tenant, period.Number) => Stage.Paid,
            _ => Stage.Invoiced,
        };
        await transaction.EnterAsync(tenant, period, stage, period.EndsAt, now, graceFrom: null, invoice?.Id, ct);
        await transaction.OpenNextPeriodAsync(tenant, period.Number, ct);
        await StartNextAsync(transaction, cycle, period, now, ct);
        await transaction.AuditAsync(clock, tenant, "job:billing", "period.closed", new { period = period.Number, invoice = invoice?.Number }, ct);
        return invoice;
    }

    async Task StartNextAsync(Transaction transaction, LoadedCycle cycle, BillingPeriod closed, DateTimeOffset now, CancellationToken ct)
    {
        var subscription = cycle.Subscription;
        var tenant = subscription.Tenant;
        if (closed.End >= subscription.EndsOn)
        {
            await transaction.EndSubscriptionAsync(tenant, "deleted", closed.EndsAt, ct);
            return;
        }

        var change = cycle.Facts.Scheduled is { } scheduled && scheduled.EffectiveOn <= closed.End ? scheduled : null;
        if (change is { IsCancellation: true })
        {
            await transaction.SettleChangeAsync(tenant, isApplied: true, now, ct);
            await transaction.EndSubscriptionAsync(tenant, "cancelled", closed.EndsAt, ct);
            await transaction.AuditAsync(clock, tenant, "job:billing", "subscription.ended", new { reason = "cancelled" }, ct);
            await mails.EndedAsync(transaction, subscription, closed.EndsAt, ct);
            return;
        }

        if (change is { Plan: { } plan })
        {
            await transaction.SettleChangeAsync(tenant, isApplied: true, now, ct);
            await transaction.SetPlanAsync(tenant, plan, change.Agreed, closed, change: null, ct);
            await (cycle.IsPaused
                ? Task.CompletedTask
                : transaction.StartSegmentAsync(tenant, new SubscriptionSegment(closed.EndsAt, plan, change.Agreed, change.MinimumEur, SegmentReason.Changed), ct));
            await transaction.QueueProvisioningAsync(clock, options, tenant, await transaction.SlugAsync(tenant, ct), RunKinds.Provision, ct);
            await transaction.AuditAsync(clock, tenant, "job:billing", "subscription.plan_changed", new { from = subscription.Plan, to = plan }, ct);
            await mails.ScheduledChangeAppliedAsync(transaction, tenant, plan, closed.EndsAt, ct);
        }

        // Who has no access when a period begins does not pay for it, until the tenant pays what is open.
        if (BillingCycle.AccessOf(cycle.Facts.Periods, subscription) == Access.None && !cycle.IsPaused)
        {
            await transaction.StartSegmentAsync(tenant, new SubscriptionSegment(closed.EndsAt, null, new AgreedTerms(), null, SegmentReason.Paused), ct);
        }
    }

    const string HasOpenInterim = """
        select exists (select from control.invoice where tenant_id = $1 and period = $2 and kind = 'interim' and status in ('open', 'pending'))
        """;
}
