-- Limits: lock_budget_rows as the former release calls it.
create or replace function control.lock_budgets(tenant uuid, at timestamptz, features text[], today date, period date) returns void language plpgsql as $$
begin
    perform control.lock_budget_rows(tenant, at, features, today, period, true);
end $$;
grant execute on function control.lock_budgets to control_app, control_job;
