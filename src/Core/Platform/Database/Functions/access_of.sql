-- Limits: what a tenant's invoices leave of the platform (full, local_models, none), and the tokens of the current period up to which its spend limit allows
-- calls; null: no limit. Also of a subscription that has ended. Called with every authorization, hence plpgsql, which is planned once per session.
create or replace function control.access_of(tenant uuid, at timestamptz, out access text, out spend_tokens bigint) language plpgsql stable as $$
declare
    s control.subscription;
    t control.plan_terms;
    period date;
    agreed bigint;
begin
    select u.* into s from control.subscription u where u.tenant_id = tenant;
    access := s.access;
    if s.spend_limit_eur is null then
        return;
    end if;

    period := control.period_start(s.anchor, (at at time zone 'UTC')::date);
    if s.allowance_of = period then
        spend_tokens := s.spend_tokens;
        return;
    end if;

    select pt.* into t from control.plan_terms pt where pt.plan = s.plan and pt.effective_from <= period::timestamp at time zone 'UTC'
    order by pt.effective_from desc limit 1;
    if not t.month_is_hard then
        agreed := (select g.agreed_tokens_per_month from control.subscription_segment g where g.tenant_id = tenant and g.starts_at <= at order by g.starts_at desc limit 1);
        spend_tokens := coalesce(agreed, t.tokens_per_month) + floor(s.spend_limit_eur * 1000 / nullif(coalesce(s.agreed_overage_eur_per_1000, t.overage_eur_per_1000), 0))::bigint;
    end if;
end $$;
grant execute on function control.access_of to control_app, control_job;
