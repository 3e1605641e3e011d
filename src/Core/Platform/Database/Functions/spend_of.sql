-- Limits: a tenant's overage in the period of an instant: EUR that the spend limit allows (null: there is none), what was spent before the last change of plan, the
-- present price of 1,000 tokens, and the tokens of the period up to which nothing more is charged. All are null where there is no overage.
create or replace function control.spend_of(
    tenant uuid, at timestamptz, out limit_eur numeric, out spent_eur numeric, out eur_per_1000 numeric, out included bigint) language plpgsql stable as $$
declare
    s control.subscription;
    t control.plan_terms;
    period date;
    since timestamptz;
begin
    select u.* into s from control.subscription u where u.tenant_id = tenant;
    period := control.period_start(s.anchor, (at at time zone 'UTC')::date);
    select greatest(period::timestamp at time zone 'UTC', max(g.starts_at)) into since
    from control.subscription_segment g where g.tenant_id = tenant and g.starts_at <= at;
    select pt.* into t from control.plan_terms pt where pt.plan = s.plan and pt.effective_from <= since order by pt.effective_from desc limit 1;
    if t.month_is_hard then
        return;
    end if;

    limit_eur := s.spend_limit_eur;
    eur_per_1000 := coalesce(s.agreed_overage_eur_per_1000, t.overage_eur_per_1000);
    spent_eur := case when s.allowance_of = period then s.spent_eur else 0 end;
    included := case when s.allowance_of = period then s.allowance_tokens else coalesce(
        (select g.agreed_tokens_per_month from control.subscription_segment g where g.tenant_id = tenant and g.starts_at <= at order by g.starts_at desc limit 1), t.tokens_per_month) end;
end $$;
grant execute on function control.spend_of to control_app, control_job;
