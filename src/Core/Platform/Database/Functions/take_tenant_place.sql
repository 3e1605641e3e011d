-- Platform: takes one of a tenant's places for a kind of work, until the end of the transaction. A process counts its own requests, but where each serves
-- one at a time, as functions do, only the database knows how many of one tenant are in progress.
--
-- When all are taken it fails at once. The error is that of a lock timeout, which every release answers with Retry-After; the constraint's name tells
-- the two apart (TenantBusyException).
create or replace function control.take_tenant_place(tenant uuid, work text, places int) returns void language plpgsql as $$
begin
    for place in 1 .. places loop
        if pg_try_advisory_xact_lock(hashtextextended(format('%s place %s of %s', work, place, tenant), 0)) then
            return;
        end if;
    end loop;

    raise exception 'all % places of a tenant for % are taken', places, work using errcode = 'lock_not_available', constraint = 'tenant_places';
end $$;
grant execute on function control.take_tenant_place to control_app, control_job;
