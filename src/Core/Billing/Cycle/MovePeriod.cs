using ControlPlane.Accounts.Tenants;
using ControlPlane.Billing.Plans;
using ControlPlane.Billing.Taxes;
using ControlPlane.Subscriptions;

namespace ControlPlane.Billing.Cycle;

/// <summary>Moves a period to another stage, with all that comes with it: the state of its invoice, what operators have to look at, a plan that was paused, and the mail.</summary>
public sealed class MovePeriod(Clock clock, CycleMails mails)
{
    internal async Task PreviewAsync(Transaction transaction, LoadedCycle cycle, Transition.Preview preview, CancellationToken ct)
    {
        var (subscription, now) = (cycle.Subscription, clock.GetUtcNow());
        var period = BillingPeriod.Of(subscription.Anchor, preview.Period);
        await transaction.EnterAsync(subscription.Tenant, period, Stage.Previewed, preview.DueAt, now, graceFrom: null, invoice: null, ct);
        await transaction.AuditAsync(clock, subscription.Tenant, "job:billing", "period.previewed", new { period = period.Number }, ct);
        await transaction.RequestVatConfirmationAsync(clock, subscription.Tenant, ct);
        var isAddressMissing = (await transaction.OrganizationAsync(subscription.Tenant, ct))?.MissingForInvoice() is { Count: > 0 };
        await (isAddressMissing
            ? transaction.RaiseReviewAsync(clock, subscription.Tenant, "address_missing", "address", "The next invoice has no complete address of the buyer.", ct)
            : transaction.EndReviewAsync(clock, subscription.Tenant, "address_missing", "address", ct));
        // What the mail says is what is shown of it later.
        if (await mails.PreviewAsync(transaction, cycle, period, isAddressMissing, ct) is { } draft)
        {
            await transaction.ExecuteAsync(
                StorePreview, ct, subscription.Tenant, period.Number, draft.NetAmount, draft.Tax, draft.TotalAmount, draft.AmountDue, now);
        }
    }

    internal async Task RunAsync(Transaction transaction, LoadedCycle cycle, Transition.Move move, CancellationToken ct)
    {
        var (subscription, now) = (cycle.Subscription, clock.GetUtcNow());
        var state = cycle.Facts.Periods.Single(period => period.Period.Number == move.Period);
        var since = BillingCycle.Effective(move.DueAt, now, cycle.Facts.Policy);
        var moved = state with { Stage = move.To, Since = since, GraceFrom = move.GraceFrom };
        await transaction.EnterAsync(subscription.Tenant, state.Period, move.To, since, now, move.GraceFrom, invoice: null, ct);
        var invoice = cycle.Invoices[move.Period];
        await transaction.SetInvoiceStatusAsync(invoice.Id, move.To, move.DueAt, ct);
        await (move.To == Stage.Suspended
            ? transaction.RaiseReviewAsync(clock, subscription.Tenant, "suspended", invoice.Number, $"Invoice {invoice.Number} is unpaid.", ct)
            : transaction.EndReviewAsync(clock, subscription.Tenant, "suspended", invoice.Number, ct));
        await (move.To == Stage.Paid ? transaction.EndReviewAsync(clock, subscription.Tenant, "hard_decline", invoice.Number, ct) : Task.CompletedTask);
        await ResumeAsync(transaction, cycle, moved, now, ct);
        await transaction.AuditAsync(
            clock, subscription.Tenant, "job:billing", $"period.{CycleTable.Name(move.To)}",
            new { period = move.Period, from = CycleTable.Name(move.From), due = move.DueAt, invoice = invoice.Number }, ct);
        await mails.MovedAsync(transaction, cycle, moved, move.From, ct);
    }

    /// <summary>A period that began paused is charged from the second at which access returns.</summary>
    static async Task ResumeAsync(Transaction transaction, LoadedCycle cycle, PeriodState moved, DateTimeOffset now, CancellationToken ct)
    {
        var subscription = cycle.Subscription;
        var periods = cycle.Facts.Periods.Select(period => period.Period.Number == moved.Period.Number ? moved : period);
        var isRestored = BillingCycle.AccessOf(cycle.Facts.Periods, subscription) == Access.None && BillingCycle.AccessOf(periods, subscription) != Access.None;
        if (!cycle.IsPaused || !isRestored)
        {
            return;
        }

        var at = now.ToWholeSeconds();
        var former = cycle.Segments.LastOrDefault(segment => segment.Plan == subscription.Plan);
        var agreed = former?.Agreed ?? new AgreedTerms();
        await transaction.StartSegmentAsync(
            subscription.Tenant, new SubscriptionSegment(at, subscription.Plan, agreed, former?.MinimumEur, SegmentReason.Resumed), ct);
        var (period, allowance) = await transaction.AllowanceAsync(subscription, cycle.Segments, subscription.Plan, agreed, at, ct);
        await transaction.SetPlanAsync(subscription.Tenant, subscription.Plan, agreed, period, allowance, ct);
    }

    const string StorePreview = """
        update control.billing_period set preview = jsonb_build_object('net', $3::numeric, 'tax', $4::numeric, 'total', $5::numeric, 'amount_due', $6::numeric, 'made_at', $7::timestamptz)
        where tenant_id = $1 and number = $2
        """;
}
