-- Subscriptions: the first day of the billing period that contains a day; the same rule as BillingPeriod.cs. plpgsql, which is planned once per session.
create or replace function control.period_start(anchor date, day date) returns date language plpgsql immutable as $$
declare
    n int := greatest(0, (extract(year from day)::int - extract(year from anchor)::int) * 12 + extract(month from day)::int - extract(month from anchor)::int);
    starts date := (anchor + make_interval(months => n))::date;
begin
    return case when n > 0 and day < starts then (anchor + make_interval(months => n - 1))::date else starts end;
end $$;
grant execute on function control.period_start to control_app, control_job;
