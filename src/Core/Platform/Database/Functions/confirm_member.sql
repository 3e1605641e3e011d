-- Accounts: confirms the address of a member of the current tenant. If the person already signs in to other tenants, their password applies here, too,
-- and replaces one that was chosen before the address was confirmed.
create or replace function control.confirm_member(wanted uuid, moment timestamptz) returns void
language sql security definer set search_path = control, pg_temp as $$
    update member m set
        confirmed_at = coalesce(m.confirmed_at, moment),
        password_hash = coalesce((
            select other.password_hash from member other join tenant t on t.id = other.tenant_id
            where lower(other.email) = lower(m.email) and other.id <> m.id and other.confirmed_at is not null and other.password_hash is not null
              and not t.is_deleted
            order by other.signed_in_at desc nulls last, other.created_at limit 1), m.password_hash)
    where m.id = wanted and m.tenant_id = current_setting('app.current_tenant')::uuid
$$;
alter function control.confirm_member owner to control_job;
revoke all on function control.confirm_member from public;
grant execute on function control.confirm_member to control_app, control_job;
