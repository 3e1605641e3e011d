-- Accounts: finds a tenant by the exact hash of one of its keys only. Called with every authorization and every delivery, hence plpgsql, which is
-- planned once per session. Of a tenant that is being deleted only the gateway's key is found: it reports the last usage until its workloads are gone,
-- and its authorizations are denied.
create or replace function control.find_tenant_key_3(wanted bytea)
returns table (tenant_id uuid, key_id uuid, tenant_status text, scopes text[], user_id text)
language plpgsql stable security definer set search_path = control, pg_temp as $$
begin
    return query
    select k.tenant_id, k.id, t.status, case k.name when 'gateway' then '{authorize,usage:write}'::text[] else k.scopes end, k.user_id
    from tenant_key k join tenant t on t.id = k.tenant_id
    where k.hash = wanted and k.revoked_at is null and (not t.is_deleted or (k.name = 'gateway' and t.status <> 'deleted'));
end $$;
alter function control.find_tenant_key_3 owner to control_job;
revoke all on function control.find_tenant_key_3 from public;
grant execute on function control.find_tenant_key_3 to control_app, control_job;
