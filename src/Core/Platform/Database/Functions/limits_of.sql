-- Limits: the limits in force for a tenant: the plan's terms, or what a period includes whose plan has changed within it, overridden by an operator where
-- set. No row without an active subscription.
create or replace function control.limits_of(tenant uuid, at timestamptz)
returns table (plan text, all_models boolean, anchor date, trial_ends_at timestamptz, tokens_per_day bigint, tokens_per_month bigint, month_is_hard boolean,
               rag_files bigint, web_searches bigint, images bigint)
language sql stable as $$
    select s.plan, p.all_models, s.anchor, s.trial_ends_at,
           coalesce(o.tokens_per_day, t.tokens_per_day), coalesce(o.tokens_per_month, case when s.allowance_of = control.period_start(s.anchor, (at at time zone 'UTC')::date) then s.allowance_tokens else coalesce(g.agreed_tokens_per_month, t.tokens_per_month) end),
           t.month_is_hard,
           coalesce(o.rag_files, t.rag_files)::bigint, coalesce(o.web_searches_per_month, t.web_searches_per_month)::bigint,
           coalesce(o.images_per_month, t.images_per_month)::bigint
    from control.subscription s
    join control.plan p on p.name = s.plan
    join lateral (select * from control.plan_terms pt where pt.plan = s.plan and pt.effective_from <= at order by pt.effective_from desc limit 1) t on true
    left join lateral (
        select sg.agreed_tokens_per_month from control.subscription_segment sg where sg.tenant_id = s.tenant_id and sg.starts_at <= at order by sg.starts_at desc limit 1) g on true
    left join control.budget_override o on o.tenant_id = s.tenant_id
    where s.tenant_id = tenant and s.status = 'active'
$$;
grant execute on function control.limits_of to control_app, control_job;
