using System.Globalization;
using ControlPlane.Billing.Invoices;
using ControlPlane.Billing.Mails;
using ControlPlane.Billing.Payments;
using ControlPlane.Billing.Plans;
using ControlPlane.Catalog;
using ControlPlane.Subscriptions;

namespace ControlPlane.Billing.Cycle;

/// <summary>What customers are told when a stage or a plan changes, queued in the transaction that changes it.</summary>
public sealed class CycleMails(Clock clock, BillingMailOutbox outbox, WriteInvoice writeInvoice, CollectionSettings collections, Seller seller)
{
    internal async Task PreviewAsync(Transaction transaction, LoadedCycle cycle, BillingPeriod period, bool isAddressMissing, CancellationToken ct)
    {
        var subscription = cycle.Subscription;
        var draft = await writeInvoice.DraftAsync(transaction, subscription, cycle.Segments, period, ct);
        var amount = draft?.AmountDue ?? 0;
        await outbox.EnqueueAsync(
            transaction, subscription.Tenant, $"preview:{period.Number}",
            new BillingMail.Preview(
                await TitleAsync(transaction, subscription.Plan, period.StartsAt, ct), period.Start, period.End, amount,
                await PaymentAsync(transaction, subscription.Tenant, period, amount, ct))
            {
                IsLast = cycle.Facts.Scheduled is { IsCancellation: true },
                IsAddressMissing = isAddressMissing,
            },
            ct);
    }

    /// <param name="moved">The period in its new stage.</param>
    internal async Task MovedAsync(Transaction transaction, LoadedCycle cycle, PeriodState moved, Stage from, CancellationToken ct)
    {
        var (subscription, policy) = (cycle.Subscription, cycle.Facts.Policy);
        var isActive = subscription is { Status: "active", TenantDeletedAt: null, EndReason: null };
        var (invoice, open) = (cycle.Invoices[moved.Period.Number], moved.Receivable!.Open);
        var name = new InvoiceName(invoice.Id, invoice.Number);
        // Of two unpaid invoices the worse one decides, and was written about.
        var before = BillingCycle.AccessOf(cycle.Facts.Periods, subscription);
        var after = AccessWith(cycle, moved);
        (string Occasion, BillingMail Mail)? mail = moved switch
        {
            { Stage: Stage.PastDue, Receivable: { IsTransfer: true, State: not CollectionState.Reversed } } when from == Stage.Invoiced => (
                "overdue",
                new BillingMail.PaymentFailed(
                    name, open, FailureReason.TransferOverdue, Method: null, NextAttemptAt: null,
                    after == Access.Full ? (moved.GraceFrom ?? moved.Since) + policy.Dunning : null)),
            { Stage: Stage.Dunning } when isActive && after == Access.LocalModels => ("reminder", new BillingMail.Reminder(name, open, moved.Since + policy.Suspension)),
            { Stage: Stage.Suspended } when isActive && before != Access.None => ("suspended", new BillingMail.Suspended(name, open, moved.Since + policy.Closing)),
            { Stage: Stage.Paid or Stage.Pending } when isActive && before != Access.Full && after == Access.Full => (
                "reactivated", new BillingMail.Reactivated(await TitleAsync(transaction, subscription.Plan, moved.Since, ct))),
            _ => null,
        };
        // The instant tells apart what happens again after a payment was reversed.
        await (mail is { } m
            ? outbox.EnqueueAsync(transaction, subscription.Tenant, $"{m.Occasion}:{invoice.Number}:{moved.Since:O}", m.Mail, ct)
            : Task.CompletedTask);
    }

    static Access AccessWith(LoadedCycle cycle, PeriodState moved) =>
        BillingCycle.AccessOf(cycle.Facts.Periods.Select(period => period.Period == moved.Period ? moved : period), cycle.Subscription);

    /// <param name="period">The one that was not paid; null: the customer cancelled.</param>
    internal Task ClosedAsync(Transaction transaction, LoadedCycle cycle, int? period, CancellationToken ct)
    {
        var unpaid = cycle.Facts.Periods.Where(state => state.Receivable?.Open > 0).ToList();
        var named = unpaid.Find(state => state.Period.Number == period) ?? unpaid.FirstOrDefault();
        var invoice = named is null ? null : cycle.Invoices[named.Period.Number];
        return outbox.EnqueueAsync(
            transaction, cycle.Subscription.Tenant, "closed",
            new BillingMail.Closed(invoice is null ? null : new InvoiceName(invoice.Id, invoice.Number), named?.Receivable!.Open ?? 0, unpaid.Sum(state => state.Receivable!.Open)), ct);
    }

    internal async Task EndedAsync(Transaction transaction, Subscription subscription, DateTimeOffset endedAt, CancellationToken ct) => await outbox.EnqueueAsync(
        transaction, subscription.Tenant, $"ended:{endedAt:O}",
        new BillingMail.Ended(await TitleAsync(transaction, subscription.Plan, endedAt, ct), DateOnly.FromDateTime((endedAt + new CyclePolicy().KeepAfterEnd).UtcDateTime)), ct);

    internal Task PlanChangedAsync(Transaction transaction, Guid tenant, PlanChange change, BillingPeriod period, CancellationToken ct) => outbox.EnqueueAsync(
        transaction, tenant, $"plan-changed:{change.EffectiveAt:O}:{change.To.Name}",
        new BillingMail.PlanChanged(
            change.To.Title, change.EffectiveAt, change.ThisPeriod?.TotalAmount, change.NextPeriod?.TotalAmount ?? change.To.PriceEurPerMonth, change.AllowanceTokens,
            period.End),
        ct);

    internal Task ChangeScheduledAsync(Transaction transaction, Guid tenant, PlanChange change, CancellationToken ct) => outbox.EnqueueAsync(
        transaction, tenant, $"change-scheduled:{change.To.Name}:{Today}",
        new BillingMail.ChangeScheduled(
            change.From.Title, change.To.Title, DateOnly.FromDateTime(change.EffectiveAt.UtcDateTime), change.NextPeriod?.TotalAmount ?? change.To.PriceEurPerMonth),
        ct);

    internal async Task ChangeUndoneAsync(Transaction transaction, Guid tenant, ScheduledChange undone, string plan, CancellationToken ct) => await outbox.EnqueueAsync(
        transaction, tenant, $"change-undone:{undone.Plan}:{Today}", new BillingMail.ChangeUndone(await TitleAsync(transaction, plan, undone.RequestedAt, ct)), ct);

    internal async Task CancelledAsync(Transaction transaction, Subscription subscription, ScheduledChange change, CancellationToken ct) => await outbox.EnqueueAsync(
        transaction, subscription.Tenant, $"cancelled:{Today}",
        new BillingMail.Cancelled(
            await TitleAsync(transaction, subscription.Plan, change.RequestedAt, ct), change.EffectiveOn, change.EffectiveOn.AddDays((int)new CyclePolicy().KeepAfterEnd.TotalDays)),
        ct);

    internal async Task CancellationUndoneAsync(Transaction transaction, Subscription subscription, ScheduledChange undone, CancellationToken ct) => await outbox.EnqueueAsync(
        transaction, subscription.Tenant, $"cancellation-undone:{Today}",
        new BillingMail.CancellationUndone(await TitleAsync(transaction, subscription.Plan, undone.RequestedAt, ct)), ct);

    // What members can do again and again is written about once a day.
    string Today => clock.GetUtcNow().ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    async Task<ExpectedPayment> PaymentAsync(Transaction transaction, Guid tenant, BillingPeriod period, decimal amount, CancellationToken ct)
    {
        var (terms, method) = await transaction.FirstAsync(
            SelectProfile,
            row => (CollectionTerms.Of(row.Get<string>(0), row.Get<int?>(1), collections, period, period.EndsAt), row.Get<string>(2)), ct, tenant);
        return (amount, terms, method) switch
        {
            ( <= 0, _, _) => new ExpectedPayment.None(),
            // It gets its reference with its number.
            (_, { IsTransfer: true }, _) => new ExpectedPayment.Transfer(DateOnly.FromDateTime(terms.DueAt.UtcDateTime), seller.Name, seller.Iban, seller.Bic, Reference: ""),
            (_, _, { } saved) => new ExpectedPayment.Charge(terms.DueAt, saved),
            _ => new ExpectedPayment.MissingMethod(terms.DueAt),
        };
    }

    static async Task<string> TitleAsync(Transaction transaction, string plan, DateTimeOffset at, CancellationToken ct) =>
        (await transaction.PlanAsync(plan, at, ct))?.Title ?? plan;

    const string SelectProfile = """
        select p.collection, p.payment_days, p.method_label from control.tenant t left join control.billing_profile p on p.tenant_id = t.id where t.id = $1
        """;
}
