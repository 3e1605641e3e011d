-- Accounts: as find_tenant_key_2, for the former release. It knows no scopes, so it finds only the gateway's key and keys with every right.
create or replace function control.find_tenant_key(wanted bytea)
returns table (tenant_id uuid, key_id uuid, tenant_status text)
language plpgsql stable security definer set search_path = control, pg_temp as $$
begin
    return query
    select k.tenant_id, k.id, t.status from tenant_key k join tenant t on t.id = k.tenant_id
    where k.hash = wanted and k.revoked_at is null and not t.is_deleted and (k.name = 'gateway' or 'admin' = any (k.scopes));
end $$;
alter function control.find_tenant_key owner to control_job;
revoke all on function control.find_tenant_key from public;
grant execute on function control.find_tenant_key to control_app, control_job;
