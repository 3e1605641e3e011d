using ControlPlane.Catalog;
using ControlPlane.Subscriptions;

namespace ControlPlane.Reporting;

/// <summary>How a tenant pays.</summary>
/// <param name="Collection">charge or transfer; null: as the installation does by default.</param>
/// <param name="MethodLabel">For people: "Visa •••• 4242"; null: none is saved.</param>
public sealed record PaymentProfile(string? Collection, string? MethodLabel, DateOnly? MethodExpiresOn);

/// <param name="PeriodsLeft">null: for all invoices.</param>
public sealed record CouponInForce(string Code, decimal? Percent, decimal? AmountEur, int? PeriodsLeft);

/// <summary>What the mail two days before the end of the period said, EUR.</summary>
public sealed record PeriodPreview(decimal Net, decimal Tax, decimal Total, decimal AmountDue, DateTimeOffset MadeAt);

/// <summary>An invoice of the running period: overage that was billed before its end.</summary>
/// <param name="Total">EUR, tax included.</param>
public sealed record InterimInvoice(string Number, decimal Total, string Status);

/// <summary>A tenant's plan and money, as its members see it.</summary>
/// <param name="Scheduled">null: nothing changes at the end of the period.</param>
/// <param name="Balance">EUR after tax; positive: in the tenant's favour.</param>
/// <param name="Credit">EUR before tax: goodwill and what was paid in advance.</param>
/// <param name="Open">EUR of all invoices that are not settled.</param>
/// <param name="Preview">Of the open period; null: it is not close to its end.</param>
/// <param name="Interim">Of the open period.</param>
public sealed record MemberBilling(
    Subscription Subscription, Plan Plan, BillingPeriod Period, ScheduledChange? Scheduled, PaymentProfile Payment, decimal Balance, decimal Credit, decimal Open,
    IReadOnlyList<CouponInForce> Coupons, PeriodPreview? Preview, IReadOnlyList<InterimInvoice> Interim);

public static class MemberBillings
{
    /// <returns>null before the tenant's subscription has started.</returns>
    public static async Task<MemberBilling?> MemberBillingAsync(this Transaction transaction, Guid tenant, DateTimeOffset now, CancellationToken ct)
    {
        if (await transaction.SubscriptionAsync(tenant, ct) is not { } subscription || await transaction.PlanAsync(subscription.Plan, now, ct) is not { } plan)
        {
            return null;
        }

        var scheduled = await transaction.ScheduledChangeAsync(tenant, ct);
        var (payment, balance, credit, open) = (await transaction.FirstAsync(
            Money, row => Tuple.Create(new PaymentProfile(row.Get<string>(0), row.Get<string>(1), row.Get<DateOnly?>(2)), row.GetDecimal(3), row.GetDecimal(4), row.GetDecimal(5)),
            ct, tenant))!;
        var coupons = await transaction.QueryAsync(
            Coupons, row => new CouponInForce(row.GetString(0), row.Get<decimal?>(1), row.Get<decimal?>(2), row.Get<int?>(3)), ct, tenant);
        var preview = await transaction.FirstAsync(
            Preview, row => new PeriodPreview(row.GetDecimal(0), row.GetDecimal(1), row.GetDecimal(2), row.GetDecimal(3), row.GetFieldValue<DateTimeOffset>(4)), ct,
            tenant, subscription.OpenPeriod);
        var interim = await transaction.QueryAsync(
            Interim, row => new InterimInvoice(row.GetString(0), row.GetDecimal(1), row.GetString(2)), ct, tenant, subscription.OpenPeriod);
        return new MemberBilling(
            subscription, plan, BillingPeriod.Of(subscription.Anchor, subscription.OpenPeriod), scheduled, payment, balance, credit, open, coupons, preview, interim);
    }

    const string Money = """
        select p.collection, p.method_label, p.method_expires_on,
               coalesce((select sum(amount) from control.balance_entry b where b.tenant_id = t.id), 0),
               coalesce((select sum(remaining) from control.adjustment a where a.tenant_id = t.id and a.kind in ('goodwill', 'prepaid')), 0),
               coalesce((select sum(i.total_amount - coalesce((select sum(s.amount) from control.settlement s where s.invoice_id = i.id), 0))
                         from control.invoice i where i.tenant_id = t.id and i.status in ('open', 'pending')), 0)
        from control.tenant t left join control.billing_profile p on p.tenant_id = t.id where t.id = $1
        """;

    const string Preview = """
        select (preview ->> 'net')::numeric, (preview ->> 'tax')::numeric, (preview ->> 'total')::numeric, (preview ->> 'amount_due')::numeric, (preview ->> 'made_at')::timestamptz
        from control.billing_period where tenant_id = $1 and number = $2 and preview is not null
        """;

    const string Interim = """
        select number, total_amount, status from control.invoice where tenant_id = $1 and period = $2 and kind = 'interim' order by created_at, number
        """;

    // The terms of a coupon are found by its exact code.
    const string Coupons = """
        select r.code, c.percent, c.amount_eur, r.periods_left from control.coupon_redemption r cross join lateral control.find_coupon(r.code) c
        where r.tenant_id = $1 and coalesce(r.periods_left, 1) > 0 order by r.redeemed_at
        """;
}
