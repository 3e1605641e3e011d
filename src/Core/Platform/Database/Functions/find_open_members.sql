-- Accounts: find_open_members_2 as the former release calls it.
create or replace function control.find_open_members(wanted text)
returns table (tenant_id uuid, member_id uuid, is_signup boolean)
language sql stable security definer set search_path = control, pg_temp as $$
    select distinct on (t.status = 'pending') m.tenant_id, m.id, t.status = 'pending'
    from member m join tenant t on t.id = m.tenant_id
    where lower(m.email) = lower(wanted) and not t.is_deleted and (m.confirmed_at is null or m.password_hash is null)
    order by t.status = 'pending', m.created_at desc, m.id
$$;
alter function control.find_open_members owner to control_job;
revoke all on function control.find_open_members from public;
grant execute on function control.find_open_members to control_app, control_job;
