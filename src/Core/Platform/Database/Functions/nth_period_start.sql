-- Subscriptions: the first day of a billing period by its number; the same rule as BillingPeriod.cs. PostgreSQL clamps to the month's last day when it
-- adds months, and every start is counted from the anchor, so it never drifts.
create or replace function control.nth_period_start(anchor date, number int) returns date language plpgsql immutable as $$
begin
    return (anchor + make_interval(months => number - 1))::date;
end $$;
grant execute on function control.nth_period_start to control_app, control_job;
