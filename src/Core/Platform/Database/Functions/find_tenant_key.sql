-- Accounts: finds a tenant by the exact hash of one of its keys only. Called with every authorization and every delivery, hence plpgsql, which is
-- planned once per session.
create or replace function control.find_tenant_key(wanted bytea)
returns table (tenant_id uuid, key_id uuid, tenant_status text)
language plpgsql stable security definer set search_path = control, pg_temp as $$
begin
    return query select k.tenant_id, k.id, t.status from tenant_key k join tenant t on t.id = k.tenant_id where k.hash = wanted and k.revoked_at is null;
end $$;
alter function control.find_tenant_key owner to control_job;
revoke all on function control.find_tenant_key from public;
grant execute on function control.find_tenant_key to control_app, control_job;
