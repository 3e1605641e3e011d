namespace ControlPlane.Billing.Credits;

public abstract record RedeemCouponResult
{
    public sealed record Redeemed(string Code) : RedeemCouponResult;
    /// <param name="Reason">A sentence for the customer. An unknown code and one that has ended look the same.</param>
    public sealed record Refused(string Reason) : RedeemCouponResult;
}

/// <summary>Redeems a coupon for a tenant: it reduces the invoices that follow. Each tenant redeems a coupon once.</summary>
public sealed class RedeemCoupon(ControlDatabase database, Clock clock)
{
    static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(5);

    /// <param name="plan">The one that the tenant has chosen, with a change of plan; null: its present one.</param>
    public async Task<RedeemCouponResult> RunAsync(Guid tenant, string? code, string? plan, string actor, CancellationToken ct)
    {
        using var place = await database.EnterJobAsync(tenant, ct);
        await using var transaction = await database.BeginJobAsync(ct, LockTimeout);
        var result = await RunAsync(transaction, tenant, code, plan, actor, ct);
        await (result is RedeemCouponResult.Redeemed ? transaction.CommitAsync(ct) : Task.CompletedTask);
        return result;
    }

    /// <summary>In the transaction of a job's role.</summary>
    public async Task<RedeemCouponResult> RunAsync(Transaction transaction, Guid tenant, string? code, string? plan, string actor, CancellationToken ct)
    {
        var known = NewCoupon.NormalizeCode(code);
        var now = clock.GetUtcNow();
        // Locks the coupon, so that concurrent redemptions do not exceed the maximum.
        var coupon = await transaction.FirstAsync(
            Lock, row => new Offer(row.Get<int?>(0), row.Get<string[]>(1), row.GetBoolean(2), row.GetString(3), row.GetBoolean(4)), ct, known, tenant, now);
        switch (coupon)
        {
            case null or { IsOpen: false }:
                return new RedeemCouponResult.Refused("This code is unknown or no longer valid.");
            case { IsRedeemed: true }:
                return new RedeemCouponResult.Refused("You have redeemed this code before.");
            case { Plans: { } plans } when !plans.Contains(plan ?? coupon.Plan):
                return new RedeemCouponResult.Refused($"This code is for the plan{(plans.Length == 1 ? "" : "s")} {string.Join(", ", plans)}.");
        }

        await transaction.ExecuteAsync(Redeem, ct, tenant, known, now, coupon.Periods);
        await transaction.ExecuteAsync("update control.coupon set redemptions = redemptions + 1 where code = $1", ct, known);
        await transaction.AuditAsync(clock, tenant, actor, "coupon.redeemed", new { code = known }, ct);
        return new RedeemCouponResult.Redeemed(known!);
    }

    /// <param name="Plan">Of the tenant's subscription.</param>
    sealed record Offer(int? Periods, string[]? Plans, bool IsOpen, string Plan, bool IsRedeemed);

    const string Lock = """
        select c.periods, c.plans, c.ended_at is null and (c.redeem_until is null or c.redeem_until > $3) and (c.max_redemptions is null or c.redemptions < c.max_redemptions),
               s.plan, exists (select from control.coupon_redemption r where r.tenant_id = s.tenant_id and r.code = c.code)
        from control.coupon c join control.subscription s on s.tenant_id = $2 where c.code = $1 for no key update of c
        """;

    const string Redeem = "insert into control.coupon_redemption (tenant_id, code, redeemed_at, periods_left) values ($1, $2, $3, $4)";
}
