-- Accounts: finds a member before the tenant is known, by one exact address only, so that control_app cannot list members. Of several memberships:
-- a confirmed one with a password, the last that signed in. Members of deleted tenants do not count.
create or replace function control.find_member_by_email(wanted text)
returns table (tenant_id uuid, member_id uuid, email text, password_hash text, tenant_status text, confirmed boolean)
language sql stable security definer set search_path = control, pg_temp as $$
    select m.tenant_id, m.id, m.email, m.password_hash, t.status, m.confirmed_at is not null
    from member m join tenant t on t.id = m.tenant_id where lower(m.email) = lower(wanted) and not t.is_deleted
    order by m.confirmed_at is null, m.password_hash is null, m.signed_in_at desc nulls last, m.created_at desc limit 1
$$;
alter function control.find_member_by_email owner to control_job;
revoke all on function control.find_member_by_email from public;
grant execute on function control.find_member_by_email to control_app, control_job;
