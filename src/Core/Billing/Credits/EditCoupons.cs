using ControlPlane.Catalog;
using Npgsql;

namespace ControlPlane.Billing.Credits;

public abstract record CreateCouponResult
{
    public sealed record Created(Coupon Coupon) : CreateCouponResult;
    public sealed record Invalid(FieldErrors Errors) : CreateCouponResult;
    public sealed record Taken(FieldErrors Errors) : CreateCouponResult;
}

/// <summary>Coupons, created and ended by operators. Who has redeemed one keeps it.</summary>
public sealed class EditCoupons(ControlDatabase database, Clock clock)
{
    public async Task<CreateCouponResult> CreateAsync(NewCoupon coupon, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        var now = clock.GetUtcNow();
        var plans = await transaction.PlansAsync(now, ct);
        if (coupon.Validate([.. plans.Select(plan => plan.Name)]) is { Count: > 0 } errors)
        {
            return new CreateCouponResult.Invalid(errors);
        }

        var code = NewCoupon.NormalizeCode(coupon.Code)!;
        var inserted = await transaction.ExecuteAsync(
            Insert, ct, code, coupon.Percent, coupon.AmountEur, coupon.Periods, coupon.Plans is { Count: > 0 } ? coupon.Plans.ToArray() : null,
            coupon.RedeemUntil?.ToUniversalTime(), coupon.MaxRedemptions, actor, now);
        if (inserted == 0)
        {
            return new CreateCouponResult.Taken(new FieldErrors { ["code"] = "There is a coupon with this code. Codes are never used again." });
        }

        await transaction.AuditAsync(clock, tenant: null, actor, "coupon.created", new { code }, ct);
        await transaction.CommitAsync(ct);
        return new CreateCouponResult.Created(new Coupon(
            code, coupon.Percent, coupon.AmountEur, coupon.Periods, coupon.Plans is { Count: > 0 } ? coupon.Plans : null, coupon.RedeemUntil, coupon.MaxRedemptions, 0, now, null));
    }

    /// <summary>It can no longer be redeemed.</summary>
    /// <returns>False when there is no such coupon.</returns>
    public async Task<bool> EndAsync(string code, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        var known = NewCoupon.NormalizeCode(code);
        if (await transaction.ExecuteAsync("update control.coupon set ended_at = $2 where code = $1 and ended_at is null", ct, known, clock.GetUtcNow()) == 0)
        {
            return await transaction.ScalarAsync<bool>("select exists (select from control.coupon where code = $1)", ct, known);
        }

        await transaction.AuditAsync(clock, tenant: null, actor, "coupon.ended", new { code = known }, ct);
        await transaction.CommitAsync(ct);
        return true;
    }

    /// <param name="cursor">The last code of the page before; null: the first page.</param>
    /// <returns>By code.</returns>
    public async Task<IReadOnlyList<Coupon>> ListAsync(string? cursor, int limit, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.QueryAsync($"{Select} where $1::text is null or code > $1 order by code limit $2", Read, ct, cursor, limit);
    }

    static Coupon Read(NpgsqlDataReader row) => new(
        row.GetString(0), row.Get<decimal?>(1), row.Get<decimal?>(2), row.Get<int?>(3), row.Get<string[]>(4), row.Get<DateTimeOffset?>(5), row.Get<int?>(6), row.GetInt32(7),
        row.GetFieldValue<DateTimeOffset>(8), row.Get<DateTimeOffset?>(9));

    const string Insert = """
        insert into control.coupon (code, percent, amount_eur, periods, plans, redeem_until, max_redemptions, created_by, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing
        """;

    const string Select = "select code, percent, amount_eur, periods, plans, redeem_until, max_redemptions, redemptions, created_at, ended_at from control.coupon";
}
