-- The first day of a billing period by its number: the one rule from which the functions by day and the programs' BillingPeriod follow.
-- PostgreSQL clamps to the month's last day when it adds months, and every start is counted from the anchor, so it never drifts.
create or replace function control.nth_period_start(anchor date, number int) returns date language plpgsql immutable as $$
begin
    return (anchor + make_interval(months => number - 1))::date;
end $$;
grant execute on function control.nth_period_start to control_app, control_job;

-- As before, but with that function.
create or replace view control.user_subscriptions with (security_invoker = true) as
select s.tenant_id as user_id,
       (select m.email from control.member m where m.tenant_id = s.tenant_id and m.role = 'owner' order by m.created_at limit 1) as email,
       s.plan as tier, t.status, s.started_at, s.trial_ends_at as expires_at,
       terms.tokens_per_month as monthly_token_limit,
       coalesce((select sum(c.prompt_tokens + c.completion_tokens) from control.usage_counter c
                 where c.tenant_id = s.tenant_id and c.day >= p.starts_on), 0)::bigint as current_monthly_usage,
       p.starts_on::timestamp at time zone 'UTC' as last_reset_at
from control.subscription s
join control.tenant t on t.id = s.tenant_id
cross join lateral (select control.nth_period_start(s.anchor, s.open_period) as starts_on) p
left join lateral (select pt.tokens_per_month from control.plan_terms pt
                   where pt.plan = s.plan and pt.effective_from <= p.starts_on order by pt.effective_from desc limit 1) terms on true;
