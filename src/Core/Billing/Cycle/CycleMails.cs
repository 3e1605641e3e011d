using System.Globalization;
using ControlPlane.Billing.Invoices;
using ControlPlane.Billing.Mails;
using ControlPlane.Billing.Payments;
using ControlPlane.Catalog;
using ControlPlane.Subscriptions;

namespace ControlPlane.Billing.Cycle;

/// <summary>What customers are told when a stage or a plan changes, by mail and webhook, queued in the transaction that changes it.</summary>
public sealed partial class CycleMails(BillingMailOutbox outbox, WriteInvoice writeInvoice, CollectionSettings collections, Seller seller, Clock clock)
{
    /// <returns>What it says; null: there would be no invoice.</returns>
    internal async Task<Invoice?> PreviewAsync(Transaction transaction, LoadedCycle cycle, BillingPeriod period, bool isAddressMissing, CancellationToken ct)
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
        await CardExpiringAsync(transaction, subscription, period, ct);
        return draft;
    }

    /// <summary>Once for each card, before the last period whose invoice it can pay.</summary>
    async Task CardExpiringAsync(Transaction transaction, Subscription subscription, BillingPeriod period, CancellationToken ct)
    {
        var next = BillingPeriod.Of(subscription.Anchor, period.Number + 1).EndsAt + new CyclePolicy().Charge;
        if (await transaction.FirstAsync(
            SelectExpiringCard, row => Tuple.Create(row.GetString(0), row.GetString(1), row.GetFieldValue<DateOnly>(2)), ct,
            subscription.Tenant, collections.Provider, DateOnly.FromDateTime(next.UtcDateTime)) is var (id, label, expiresOn))
        {
            await outbox.EnqueueAsync(
                transaction, subscription.Tenant, $"card-expiring:{id}:{expiresOn:O}", new BillingMail.CardExpiring(label, expiresOn, DateOnly.FromDateTime(
                    (expiresOn < period.End ? period.EndsAt : next).UtcDateTime)), ct);
        }
    }

    /// <param name="moved">The period in its new stage.</param>
    internal async Task MovedAsync(Transaction transaction, LoadedCycle cycle, PeriodState moved, Stage from, CancellationToken ct)
    {
        var (subscription, policy) = (cycle.Subscription, cycle.Facts.Policy);
        var isActive = subscription is { Status: "active", TenantDeletedAt: null, EndReason: null };
        var (invoice, open) = (cycle.Owed[moved.Period.Number], moved.Receivable!.Open);
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
        await (mail?.Mail switch
        {
            BillingMail.Suspended => NotifyAsync(transaction, subscription.Tenant, "suspended", subscription.Plan, moved.Since, ct),
            BillingMail.Reactivated => NotifyAsync(transaction, subscription.Tenant, "reactivated", subscription.Plan, clock.GetUtcNow(), ct),
            _ => Task.CompletedTask,
        });
    }

    static Access AccessWith(LoadedCycle cycle, PeriodState moved) =>
        BillingCycle.AccessOf(cycle.Facts.Periods.Select(period => period.Period == moved.Period ? moved : period), cycle.Subscription);

    /// <param name="period">The one that was not paid; null: the customer cancelled.</param>
    /// <param name="copyUntil">How long the last copy of the environment is kept.</param>
    internal async Task ClosedAsync(Transaction transaction, LoadedCycle cycle, int? period, DateOnly copyUntil, CancellationToken ct)
    {
        var (tenant, (unpaid, open, inTotal)) = (cycle.Subscription.Tenant, Unpaid(cycle, period));
        await outbox.EnqueueAsync(transaction, tenant, "closed", new BillingMail.Closed(unpaid, open, inTotal, copyUntil), ct);
        await NotifyAsync(transaction, tenant, "closed", plan: null, clock.GetUtcNow(), ct);
    }

    /// <param name="period">The one that was not paid; null: the customer cancelled.</param>
    internal Task ClosingAsync(Transaction transaction, LoadedCycle cycle, int? period, DateTimeOffset deletesAt, CancellationToken ct)
    {
        var (unpaid, open, _) = Unpaid(cycle, period);
        return outbox.EnqueueAsync(
            transaction, cycle.Subscription.Tenant, $"closing:{deletesAt:O}", new BillingMail.Closing(period is null ? null : unpaid, open, deletesAt), ct);
    }

    static (InvoiceName? Invoice, decimal Open, decimal InTotal) Unpaid(LoadedCycle cycle, int? period)
    {
        var unpaid = cycle.Facts.Periods.Where(state => state.Receivable?.Open > 0).ToList();
        var named = unpaid.Find(state => state.Period.Number == period) ?? unpaid.FirstOrDefault();
        var invoice = named is null ? null : cycle.Owed[named.Period.Number];
        return (invoice is null ? null : new InvoiceName(invoice.Id, invoice.Number), named?.Receivable!.Open ?? 0, unpaid.Sum(state => state.Receivable!.Open));
    }

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

    // $3: the day of the charge after the next one.
    const string SelectExpiringCard = """
        select method_id, method_label, method_expires_on from control.billing_profile
        where tenant_id = $1 and provider = $2 and collection = 'charge' and method_kind = 'card' and method_label is not null and method_expires_on < $3
        """;
}
