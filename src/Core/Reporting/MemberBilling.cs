using ControlPlane.Catalog;
using ControlPlane.Subscriptions;

namespace ControlPlane.Reporting;

/// <summary>How a tenant pays.</summary>
/// <param name="Collection">charge or transfer; null: as the installation does by default.</param>
/// <param name="MethodLabel">For people: "Visa •••• 4242"; null: none is saved.</param>
public sealed record PaymentProfile(string? Collection, string? MethodLabel, DateOnly? MethodExpiresOn);

/// <param name="PeriodsLeft">null: for all invoices.</param>
public sealed record CouponInForce(string Code, decimal? Percent, decimal? AmountEur, int? PeriodsLeft);

/// <summary>A tenant's plan and money, as its members see it.</summary>
/// <param name="Scheduled">null: nothing changes at the end of the period.</param>
/// <param name="Balance">EUR after tax; positive: in the tenant's favour.</param>
/// <param name="Credit">EUR before tax: goodwill and what was paid in advance.</param>
/// <param name="Open">EUR of all invoices that are not settled.</param>
public sealed record MemberBilling(
    Subscription Subscription, Plan Plan, BillingPeriod Period, ScheduledChange? Scheduled, PaymentProfile Payment, decimal Balance, decimal Credit, decimal Open,
    IReadOnlyList<CouponInForce> Coupons);

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
        return new MemberBilling(
            subscription, plan, BillingPeriod.Of(subscription.Anchor, subscription.OpenPeriod), scheduled, payment, balance, credit, open, coupons);
    }

    const string Money = """
        select p.collection, p.method_label, p.method_expires_on,
               coalesce((select sum(amount) from control.balance_entry b where b.tenant_id = t.id), 0),
               coalesce((select sum(remaining) from control.adjustment a where a.tenant_id = t.id and a.kind in ('goodwill', 'prepaid')), 0),
               coalesce((select sum(i.total_amount - coalesce((select sum(s.amount) from control.settlement s where s.invoice_id = i.id), 0))
                         from control.invoice i where i.tenant_id = t.id and i.status in ('open', 'pending')), 0)
        from control.tenant t left join control.billing_profile p on p.tenant_id = t.id where t.id = $1
        """;

    // The terms of a coupon are found by its exact code.
    const string Coupons = """
        select r.code, c.percent, c.amount_eur, r.periods_left from control.coupon_redemption r cross join lateral control.find_coupon(r.code) c
        where r.tenant_id = $1 and coalesce(r.periods_left, 1) > 0 order by r.redeemed_at
        """;
}
