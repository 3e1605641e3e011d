namespace ControlPlane.Limits;

/// <summary>
/// How usage changes budgets, as part of the statement that records it: it settles the reservations that the events name and counts the usage, in the
/// same transaction as the events. It is here and not in Metering because Limits is the only module that writes these tables.
/// </summary>
public static class BudgetSql
{
    /// <summary>
    /// Common table expressions to append to one named <c>counted</c> with the columns (day, period_start, tokens, feature, quantity,
    /// reservation_id): sums over the newly inserted events. $1 is the tenant. Locks reservations first, then budgets, each in key order.
    /// </summary>
    /// <remarks>Usage with a reservation is counted in the windows of the reservation, so a call that runs past midnight does not use up the next day's
    /// limit. Other usage is counted in the windows in which it occurred.</remarks>
    public const string CountAndSettle = """
        named as (
            select r.id from control.reservation r
            where r.tenant_id = $1 and r.state = 'held' and r.id in (select reservation_id from counted) order by r.id for update
        ), settled as (
            update control.reservation r set state = 'settled' from named where r.id = named.id
            returning r.id, r.day, r.period_start, r.tokens, r.feature, r.quantity, (r.expires_at at time zone 'UTC')::date as last_day
        ), change as (
            select meter, span, starts, sum(used) as used, sum(released) as released from (
                select w.meter, w.span, w.starts, w.amount as used, 0 as released
                from counted c left join settled s on s.id = c.reservation_id and c.day <= s.last_day,
                     control.windows_of(coalesce(s.day, c.day), coalesce(s.period_start, c.period_start), c.tokens, c.feature, c.quantity) w
                union all
                select w.meter, w.span, w.starts, 0, w.amount
                from settled s, control.windows_of(s.day, s.period_start, s.tokens, s.feature, s.quantity) w
            ) parts group by meter, span, starts
        ), budgets as (
            insert into control.budget as b (tenant_id, meter, span, starts, used)
            select $1, meter, span, starts, used from change order by meter, span, starts
            on conflict (tenant_id, meter, span, starts) do update set
                used = b.used + excluded.used,
                reserved = b.reserved - (select released from change c
                                         where c.meter = excluded.meter and c.span = excluded.span and c.starts = excluded.starts)
        )
        """;
}
