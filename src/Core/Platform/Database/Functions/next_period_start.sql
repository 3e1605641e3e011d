-- Subscriptions: the first day of the billing period after the one that starts on period_start.
create or replace function control.next_period_start(anchor date, period_start date) returns date language plpgsql immutable as $$
begin
    return control.nth_period_start(anchor, 2 + (extract(year from period_start)::int - extract(year from anchor)::int) * 12
                                              + extract(month from period_start)::int - extract(month from anchor)::int);
end $$;
grant execute on function control.next_period_start to control_app, control_job;
