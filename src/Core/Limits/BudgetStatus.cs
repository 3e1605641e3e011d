namespace ControlPlane.Limits;

/// <summary>A limit and its current usage.</summary>
/// <param name="Maximum">null: unlimited.</param>
/// <param name="Hard">Calls beyond it are denied; otherwise they are billed as overage.</param>
/// <param name="Reserved">Reserved by authorizations that are not settled yet.</param>
public sealed record LimitStatus(string Name, string Meter, string Span, long? Maximum, bool Hard, long Used, long Reserved)
{
    /// <summary>null: unlimited. Never negative.</summary>
    public long? Remaining => Maximum is { } maximum ? Math.Max(0, maximum - Used - Reserved) : null;
}

/// <summary>Reads a tenant's limits and budgets.</summary>
public static class BudgetStatus
{
    /// <returns>Tokens per day, tokens per month, and one for each feature; empty before the subscription starts.</returns>
    public static Task<List<LimitStatus>> LimitsAsync(this Transaction transaction, Guid tenant, DateTimeOffset at, CancellationToken ct) =>
        transaction.QueryAsync(
            Select,
            row => new LimitStatus(
                row.GetString(0), row.GetString(1), row.GetString(2), row.Get<long?>(3), row.GetBoolean(4), row.GetInt64(5), row.GetInt64(6)),
            ct, tenant, at);

    const string Select = """
        with l as (select *, ($2::timestamptz at time zone 'UTC')::date as today from control.limits_of($1, $2)),
        windows as (
            select 1 as ordinal, 'tokens_per_day' as name, 'tokens' as meter, 'day' as span, today as starts, tokens_per_day as maximum, true as hard from l
            union all select 2, 'tokens_per_month', 'tokens', 'period', control.period_start(anchor, today), tokens_per_month, month_is_hard from l
            union all select 3, 'rag_files', 'feature:rag_file', 'ever', date '1970-01-01', rag_files, true from l
            union all select 4, 'web_searches_per_month', 'feature:web_search', 'period', control.period_start(anchor, today), web_searches, true from l
            union all select 5, 'images_per_month', 'feature:image', 'period', control.period_start(anchor, today), images, true from l
        )
        select w.name, w.meter, w.span, w.maximum, w.hard, coalesce(b.used, 0),
               -- An expired reservation counts as released, even if its row was not updated yet.
               coalesce(b.reserved, 0) - coalesce((select sum(case when w.meter = 'tokens' then r.tokens else r.quantity end) from control.reservation r
                   where r.tenant_id = $1 and r.state = 'held' and r.expires_at <= $2 and (w.meter = 'tokens' or w.meter = 'feature:' || r.feature)
                     and (w.span = 'ever' or w.starts = case w.span when 'day' then r.day else r.period_start end)), 0)::bigint
        from windows w left join control.budget b on b.tenant_id = $1 and b.meter = w.meter and b.span = w.span and b.starts = w.starts
        order by w.ordinal
        """;
}
