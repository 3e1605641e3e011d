-- Limits: locks the budget rows that authorizations of a tenant need (lock_budget_rows) and releases the tenant's expired reservations.
--
-- Without wait it returns false if it would have to wait for a lock, or if so many reservations have expired that releasing them would delay the tenants
-- that share the transaction. Otherwise it releases them all, or as many as one transaction should; the others stay counted until the next call.
create or replace function control.lock_and_release(tenant uuid, at timestamptz, features text[], today date, period date, wait boolean) returns boolean
language plpgsql as $$
declare
    max_shared constant int := 200;
    -- More than a tenant may hold (CONTROLPLANE_LIMIT_RESERVATIONS).
    max_released constant int := 20000;
    due int;
    due_until timestamptz;
begin
    select count(*), max(d.expires_at) into due, due_until from (
        select r.expires_at from control.reservation r where r.tenant_id = tenant and r.state = 'held' and r.expires_at <= at
        order by r.expires_at limit case when wait then max_released else max_shared + 1 end) d;
    if due > max_shared and not wait then
        return false;
    end if;

    if not control.lock_budget_rows(tenant, due_until, features, today, period, wait) then
        return false;
    end if;

    if due > 0 then
        perform control.release_expired(tenant, due_until);
    end if;

    return true;
end $$;
grant execute on function control.lock_and_release to control_app, control_job;
