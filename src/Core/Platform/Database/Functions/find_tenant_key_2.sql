-- Accounts: as find_tenant_key_3, for the former release, which knows no users of keys.
create or replace function control.find_tenant_key_2(wanted bytea)
returns table (tenant_id uuid, key_id uuid, tenant_status text, scopes text[])
language plpgsql stable security definer set search_path = control, pg_temp as $$
begin
    return query select f.tenant_id, f.key_id, f.tenant_status, f.scopes from find_tenant_key_3(wanted) f;
end $$;
alter function control.find_tenant_key_2 owner to control_job;
revoke all on function control.find_tenant_key_2 from public;
grant execute on function control.find_tenant_key_2 to control_app, control_job;
