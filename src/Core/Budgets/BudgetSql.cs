namespace ControlPlane.Budgets;

/// <summary>
/// How usage changes budgets, as parts of the statement that records it: the reservations it names are settled and what was used is counted, in
/// the same transaction as the events. Here and not with Usage, because Budgets is the one writer of these tables.
/// </summary>
public static class BudgetSql
{
    /// <summary>
    /// Common table expressions that follow one named <c>counted</c> with the columns (day, period_start, prompt_tokens, completion_tokens, feature,
    /// quantity, reservation_id) of the events that are new. $1 is the tenant. A budget row is touched once, in the order of its key.
    /// </summary>
    public const string CountAndSettle = """
        settled as (
            update control.reservation r set state = 'settled'
            from (select distinct reservation_id from counted where reservation_id is not null order by 1) named
            where r.id = named.reservation_id and r.tenant_id = $1 and r.state = 'held'
            returning r.day, r.period_start, r.tokens, r.feature, r.quantity
        ), change as (
            select meter, span, starts, sum(used) as used, sum(released) as released from (
                select 'tokens' as meter, 'day' as span, day as starts, prompt_tokens + completion_tokens as used, 0 as released from counted
                union all select 'tokens', 'period', period_start, prompt_tokens + completion_tokens, 0 from counted
                union all select 'feature:' || feature, case feature when 'rag_file' then 'ever' else 'period' end,
                                 case feature when 'rag_file' then date '1970-01-01' else period_start end, quantity, 0 from counted where feature is not null
                union all select 'tokens', 'day', day, 0, tokens from settled
                union all select 'tokens', 'period', period_start, 0, tokens from settled
                union all select 'feature:' || feature, case feature when 'rag_file' then 'ever' else 'period' end,
                                 case feature when 'rag_file' then date '1970-01-01' else period_start end, 0, quantity from settled where feature is not null
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
