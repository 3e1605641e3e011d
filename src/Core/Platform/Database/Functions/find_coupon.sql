-- Billing: a coupon by its exact code; no row when there is none. control_app cannot list them.
create or replace function control.find_coupon(wanted text)
returns table (code text, percent numeric, amount_eur numeric, periods int, plans text[], redeem_until timestamptz, is_exhausted boolean, ended_at timestamptz)
language sql stable security definer set search_path = control, pg_temp as $$
    select c.code, c.percent, c.amount_eur, c.periods, c.plans, c.redeem_until, c.redemptions >= c.max_redemptions, c.ended_at
    from coupon c where c.code = wanted
$$;
alter function control.find_coupon owner to control_job;
revoke all on function control.find_coupon from public;
grant execute on function control.find_coupon to control_app, control_job;
