-- Accounts: finds what an address without an account can be confirmed for: one pending signup and its newest invitation, because whoever made one of them
-- must not hide the other. Of several signups, the one that was made in this browser, then the newest one from this network, then the newest: strangers who
-- sign up with the address later do not hide the one that its owner made. By one exact address only, so that control_app cannot list members.
create or replace function control.find_open_members_2(wanted text, signed_up_here uuid, network text)
returns table (tenant_id uuid, member_id uuid, is_signup boolean)
language sql stable security definer set search_path = control, pg_temp as $$
    select distinct on (t.status = 'pending') m.tenant_id, m.id, t.status = 'pending'
    from member m join tenant t on t.id = m.tenant_id
    where lower(m.email) = lower(wanted) and not t.is_deleted and (m.confirmed_at is null or m.password_hash is null)
    order by t.status = 'pending', coalesce(t.id = signed_up_here, false) desc, coalesce(t.requested_from = network, false) desc, m.created_at desc, m.id
$$;
alter function control.find_open_members_2 owner to control_job;
revoke all on function control.find_open_members_2 from public;
grant execute on function control.find_open_members_2 to control_app, control_job;
