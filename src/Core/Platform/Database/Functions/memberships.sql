-- Accounts: the tenants that one person may sign in to: confirmed memberships with the same address and the same password. For other functions only.
create or replace function control.memberships(wanted uuid)
returns table (tenant_id uuid, member_id uuid, organization text, role text)
language sql stable set search_path = control, pg_temp as $$
    select other.tenant_id, other.id, t.organization, other.role
    from member m join member other on lower(other.email) = lower(m.email) join tenant t on t.id = other.tenant_id
    where m.id = wanted and not t.is_deleted
      and (other.id = m.id or (other.confirmed_at is not null and other.password_hash = m.password_hash))
    order by lower(t.organization), t.id
$$;
alter function control.memberships owner to control_job;
revoke all on function control.memberships from public;
