namespace ControlPlane.Benchmarks.Soak;

/// <summary>Rules of accounting that hold after the nightly and the billing job, whatever happened before.</summary>
static class Books
{
    public static readonly IReadOnlyList<(string Rule, string CountViolations)> Rules =
    [
        ("No id is counted twice", "select count(*) from (select from control.usage_event group by tenant_id, id having count(*) > 1) twice"),
        ("Events equal the live counters", $"""
            select count(*) from ({Sums}) e full join control.usage_counter c using (tenant_id, day, model, user_id)
            where (e.requests, e.prompt, e.completion, e.cost) is distinct from (c.requests, c.prompt_tokens, c.completion_tokens, c.cost)
            """),
        ("Events equal daily usage", $"""
            select count(*) from ({Sums}) e full join control.daily_usage c using (tenant_id, day, model, user_id)
            where (e.requests, e.prompt, e.completion, e.cost) is distinct from (c.requests, c.prompt_tokens, c.completion_tokens, c.cost)
            """),
        // A trial has nothing to invoice.
        ("Events of closed periods equal invoice lines", """
            select count(*) from (
                select e.tenant_id, sum(prompt_tokens + completion_tokens) as tokens from control.usage_event e
                join control.subscription s on s.tenant_id = e.tenant_id where e.period < s.open_period and s.trial_ends_at is null group by 1) e
            full join (select tenant_id, sum(tokens) as tokens from control.invoice_line group by 1) l using (tenant_id)
            where coalesce(e.tokens, 0) <> coalesce(l.tokens, 0)
            """),
    ];

    /// <summary>Tokens beyond hard limits, over all tenants, days and periods. Every call of the load was authorized.</summary>
    public const string TokensOverHardLimits = """
        with terms as (
            select s.tenant_id, t.tokens_per_day, t.tokens_per_month, t.month_is_hard from control.subscription s
            join lateral (select * from control.plan_terms p where p.plan = s.plan order by p.effective_from desc limit 1) t on true
        ), windows as (
            select sum(e.prompt_tokens + e.completion_tokens) as used, t.tokens_per_day as maximum
            from control.usage_event e join terms t using (tenant_id) group by e.tenant_id, (e.occurred_at at time zone 'UTC')::date, t.tokens_per_day
            union all
            select sum(e.prompt_tokens + e.completion_tokens), t.tokens_per_month
            from control.usage_event e join terms t using (tenant_id) where t.month_is_hard group by e.tenant_id, e.period, t.tokens_per_month
        )
        select coalesce(sum(used - maximum), 0)::bigint from windows where used > maximum
        """;

    const string Sums = """
        select tenant_id, (occurred_at at time zone 'UTC')::date as day, model, user_id, count(*) as requests, sum(prompt_tokens) as prompt,
               sum(completion_tokens) as completion, sum(cost) as cost
        from control.usage_event group by 1, 2, 3, 4
        """;
}
