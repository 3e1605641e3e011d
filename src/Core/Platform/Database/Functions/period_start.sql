-- Subscriptions: the first day of the billing period that contains a day; days before the anchor belong to the first period. plpgsql, which is planned
-- once per session.
create or replace function control.period_start(anchor date, day date) returns date language plpgsql immutable as $$
declare
    number int := 1 + greatest(0, (extract(year from day)::int - extract(year from anchor)::int) * 12
                                  + extract(month from day)::int - extract(month from anchor)::int);
    starts date := control.nth_period_start(anchor, number);
begin
    return case when number > 1 and day < starts then control.nth_period_start(anchor, number - 1) else starts end;
end $$;
grant execute on function control.period_start to control_app, control_job;
