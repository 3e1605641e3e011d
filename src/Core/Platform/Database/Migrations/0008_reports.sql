-- The tables of the single-server installation, as views of the same names and columns, so that its reports keep working.
-- security_invoker: whoever reads sees the tenants that the tables' own policies let them see.
create view control.token_usage with (security_invoker = true) as
select id, user_id, session_id, model, prompt_tokens, completion_tokens, prompt_tokens + completion_tokens as total_tokens,
       cost::numeric(20, 6) as cost, occurred_at as timestamp
from control.usage_event;

create view control.user_subscriptions with (security_invoker = true) as
select s.tenant_id as user_id,
       (select m.email from control.member m where m.tenant_id = s.tenant_id and m.role = 'owner' order by m.created_at limit 1) as email,
       s.plan as tier, t.status, s.started_at, s.trial_ends_at as expires_at,
       terms.tokens_per_month as monthly_token_limit,
       coalesce((select sum(c.prompt_tokens + c.completion_tokens) from control.usage_counter c
                 where c.tenant_id = s.tenant_id and c.day >= p.starts_on), 0)::bigint as current_monthly_usage,
       p.starts_on::timestamp at time zone 'UTC' as last_reset_at
from control.subscription s
join control.tenant t on t.id = s.tenant_id
cross join lateral (select (s.anchor + make_interval(months => s.open_period - 1))::date as starts_on) p
left join lateral (select pt.tokens_per_month from control.plan_terms pt
                   where pt.plan = s.plan and pt.effective_from <= p.starts_on order by pt.effective_from desc limit 1) terms on true;

create view control.invoices with (security_invoker = true) as
select id, tenant_id as user_id, period_start, period_end, base_charge, token_usage, overage_tokens, overage_charge, total_amount,
       status, created_at, paid_at, null::text as payment_method, null::text as stripe_invoice_id
from control.invoice;

create view control.daily_usage_summary with (security_invoker = true) as
select user_id, day as usage_date, model, sum(prompt_tokens + completion_tokens)::bigint as total_tokens,
       sum(cost) as total_cost, sum(requests)::bigint as request_count
from control.daily_usage
group by tenant_id, user_id, day, model;

grant select on control.token_usage, control.user_subscriptions, control.invoices, control.daily_usage_summary to control_app, control_job;
