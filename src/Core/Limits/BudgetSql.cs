namespace ControlPlane.Limits;

/// <summary>
/// How usage changes budgets, as parts of the statement that records it: the reservations it names are settled and what was used is counted, in
/// the same transaction as the events. Here and not with Usage, because Budgets is the one writer of these tables.
/// </summary>
public static class BudgetSql
{
    /// <summary>
    /// Common table expressions that follow one named <c>counted</c> with the columns (day, period_start, tokens, feature, quantity,
    /// reservation_id): sums over the events that are new. $1 is the tenant. Reservations, then budgets, each in the order of its key.
    /// </summary>
    /// <remarks>What a reservation admitted is counted in the windows that admitted it: a call that runs over midnight takes nothing of a day
    /// in which nobody made room for it. Other usage is counted where it occurred.</remarks>
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
