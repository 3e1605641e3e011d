namespace ControlPlane.Tests.Support.Billing;

/// <summary>What holds of every subscription, invoice and payment after the jobs have run, whatever happened before.</summary>
static class BillingRules
{
    /// <returns>One sentence for each rule that is violated.</returns>
    public static async Task<List<string>> ViolationsAsync(TestServer server, IReadOnlyDictionary<Guid, long> reported)
    {
        var violations = new List<string>();
        foreach (var (rule, count) in Rules)
        {
            if (await server.ReadAsync<long>(count) is > 0 and var found)
            {
                violations.Add($"{rule}: {found} violations");
            }
        }

        foreach (var (tenant, tokens) in reported)
        {
            if (await server.ReadAsync<long>(Tokens, tenant) is var counted && counted != tokens)
            {
                violations.Add($"Tenant {tenant} reported {tokens} tokens; its invoices and open period have {counted}");
            }
        }

        return violations;
    }

    static readonly (string Rule, string Count)[] Rules =
    [
        ("Numbers have no gap", "select coalesce(max(right(number, 6)::bigint), 0) - count(*) from control.invoice"),
        ("A period that was not paused throughout has one invoice when it is closed", """
            select count(*) from control.subscription s cross join generate_series(1, s.open_period - 1) n
            cross join lateral (select control.nth_period_start(s.anchor, n)::timestamp at time zone 'UTC' as a, control.nth_period_start(s.anchor, n + 1)::timestamp at time zone 'UTC' as z) p
            where (select count(*) from control.invoice i where i.tenant_id = s.tenant_id and i.period = n and i.kind = 'period')
                  <> case when not exists (select from control.subscription_segment g where g.tenant_id = s.tenant_id)
                            or exists (select from (select g.plan, g.starts_at, lead(g.starts_at, 1, 'infinity') over (order by g.starts_at) as until
                                                    from control.subscription_segment g where g.tenant_id = s.tenant_id) g
                                       where g.plan is not null and g.starts_at < p.z and g.until > p.a) then 1 else 0 end
              -- One of late usage only.
              and not exists (select from control.invoice i join control.invoice_line l on l.invoice_id = i.id
                              where i.tenant_id = s.tenant_id and i.period = n and l.kind = 'late')
            """),
        ("An invoice is the sum of its lines and its tax, and has the tokens of its lines", """
            select count(*) from control.invoice i
            join lateral (select sum(l.amount) as amount, sum(l.tokens) as tokens from control.invoice_line l where l.invoice_id = i.id) l on true
            where i.net_amount <> l.amount or i.token_usage <> l.tokens or i.total_amount <> i.net_amount + i.tax
            """),
        ("No more is settled of an invoice than it amounts to", """
            select count(*) from control.invoice i where i.total_amount < (select sum(amount) from control.settlement s where s.invoice_id = i.id)
            """),
        ("An invoice is paid exactly when all of it is settled", $"""
            select count(*) from control.invoice i cross join lateral ({Settled}) s where (i.status = 'paid') <> (s.settled >= i.total_amount)
            """),
        ("What invoices take from and leave to balances is what the balances say", """
            select count(*) from control.tenant t
            where coalesce((select sum(amount) from control.settlement s where s.tenant_id = t.id and s.kind in ('balance', 'carried', 'to_balance')), 0)
                  <> -coalesce((select sum(amount) from control.balance_entry b where b.tenant_id = t.id), 0)
            """),
        ("No invoice is charged twice", """
            select count(*) from (
                select count(*) filter (where kind = 'payment') - count(*) filter (where kind = 'reversal') as charges
                from control.settlement where kind in ('payment', 'reversal') and source not like 'transfer:%' group by invoice_id) c
            where charges > 1
            """),
        ("The stage of a period agrees with what is open of its invoice", $"""
            select count(*) from control.billing_period p join control.invoice i on i.id = p.invoice_id cross join lateral ({Settled}) s
            where case p.stage when 'paid' then s.settled < i.total_amount when 'closed' then false else s.settled >= i.total_amount end
            """),
        ("Access is that of the worst unpaid period", """
            select count(*) from control.subscription s
            where s.access <> case
                when s.status = 'ended' or s.end_reason is not null or exists (select from control.billing_period p where p.tenant_id = s.tenant_id and p.stage = 'suspended') then 'none'
                when exists (select from control.billing_period p where p.tenant_id = s.tenant_id and p.stage = 'dunning') then 'local_models' else 'full' end
            """),
        ("Nothing is left that was due", """
            select count(*) from control.subscription where billing_due_at <= (select now from control.sandbox_clock) and billing_due_at < 'infinity'
            """),
        ("Every invoice has its document", "select count(*) from control.invoice_undocumented"),
        ("Each transition was made once", """
            select count(*) from (
                select from control.audit_log where action in ('period.previewed', 'period.closed', 'subscription.closed') and detail -> 'from' is null
                group by tenant_id, action, detail ->> 'period' having count(*) > 1) twice
            """),
    ];

    const string Settled = "select coalesce(sum(amount), 0) as settled from control.settlement t where t.invoice_id = i.id";

    const string Tokens = """
        select (select coalesce(sum(token_usage), 0)::bigint from control.invoice where tenant_id = $1)
             + (select coalesce(sum(e.prompt_tokens + e.completion_tokens), 0)::bigint from control.usage_event e join control.subscription s using (tenant_id)
                where e.tenant_id = $1
                  and (e.period >= s.open_period
                       -- Free: reported of a pause that nothing was charged for.
                       or (not exists (select from control.invoice i where i.tenant_id = $1 and i.period = e.period)
                           and (select g.plan is null from control.subscription_segment g where g.tenant_id = $1 and g.starts_at <= e.occurred_at
                                order by g.starts_at desc limit 1))))
        """;
}
