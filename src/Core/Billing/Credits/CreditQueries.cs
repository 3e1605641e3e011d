using Npgsql;

namespace ControlPlane.Billing.Credits;

/// <summary>What the next invoices of a tenant are reduced by.</summary>
public static class CreditQueries
{
    /// <summary>EUR after tax; positive: in the tenant's favour.</summary>
    public static Task<decimal> BalanceAsync(this Transaction transaction, Guid tenant, CancellationToken ct) =>
        transaction.ScalarAsync<decimal>("select coalesce(sum(amount), 0) from control.balance_entry where tenant_id = $1", ct, tenant);

    /// <summary>Those with something left, oldest first.</summary>
    public static Task<List<Adjustment>> AdjustmentsAsync(this Transaction transaction, Guid tenant, CancellationToken ct) =>
        transaction.QueryAsync(SelectAdjustments, ReadAdjustment, ct, tenant);

    /// <summary>The tenant's coupons that apply to its next invoice, in the order of redemption.</summary>
    public static Task<List<RedeemedCoupon>> RedeemedCouponsAsync(this Transaction transaction, Guid tenant, CancellationToken ct) =>
        transaction.QueryAsync(SelectCoupons, ReadCoupon, ct, tenant);

    internal static Adjustment ReadAdjustment(NpgsqlDataReader row) =>
        new(row.GetGuid(0), Enum.Parse<AdjustmentKind>(row.GetString(1), ignoreCase: true), row.GetString(2), row.GetDecimal(3), row.GetString(4));

    internal static RedeemedCoupon ReadCoupon(NpgsqlDataReader row) => new(row.GetString(0), row.Get<decimal?>(1), row.Get<decimal?>(2), row.Get<string[]>(3));

    internal const string SelectAdjustments = """
        select id, kind, description, remaining, rate_kind from control.adjustment where tenant_id = $1 and remaining <> 0 order by created_at, id
        """;

    internal const string SelectCoupons = """
        select r.code, c.percent, c.amount_eur, c.plans from control.coupon_redemption r, control.find_coupon(r.code) c
        where r.tenant_id = $1 and r.periods_left is distinct from 0 order by r.redeemed_at, r.code
        """;
}
