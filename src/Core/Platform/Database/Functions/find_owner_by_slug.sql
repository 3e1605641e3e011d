-- Accounts: finds a tenant and its first owner by one exact slug only, so that control_app cannot list tenants.
create or replace function control.find_owner_by_slug(wanted text)
returns table (tenant_id uuid, member_id uuid, email text, password_hash text, tenant_status text)
language sql stable security definer set search_path = control, pg_temp as $$
    select t.id, m.id, m.email, m.password_hash, t.status from tenant t left join member m on m.tenant_id = t.id and m.role = 'owner'
    where t.slug = wanted order by m.created_at limit 1
$$;
alter function control.find_owner_by_slug owner to control_job;
revoke all on function control.find_owner_by_slug from public;
grant execute on function control.find_owner_by_slug to control_app, control_job;
