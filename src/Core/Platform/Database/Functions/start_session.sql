-- Accounts: starts a session of a member of the current tenant. A person has a limited number of sessions in all tenants together: the ones that have not
-- been used for longest end.
create or replace function control.start_session(wanted uuid, hash bytea, lifetime interval, maximum int) returns timestamptz
language plpgsql security definer set search_path = control, pg_temp as $$
declare ends timestamptz;
begin
    -- Concurrent sign-ins of a member wait here, so that each sees the sessions of those before it.
    update member m set signed_in_at = now() where m.id = wanted and m.tenant_id = current_setting('app.current_tenant')::uuid;
    insert into member_session as s (token_hash, tenant_id, member_id, expires_at)
    select hash, m.tenant_id, m.id, now() + lifetime from member m
    where m.id = wanted and m.tenant_id = current_setting('app.current_tenant')::uuid
    returning s.expires_at into ends;
    delete from member_session s where s.token_hash in (
        select o.token_hash from member_session o
        where o.member_id in (select p.member_id from memberships(wanted) p) and o.token_hash <> hash
        order by o.last_seen_at desc, o.token_hash offset greatest(maximum - 1, 0) for update skip locked);
    return ends;
end $$;
alter function control.start_session owner to control_job;
revoke all on function control.start_session from public;
grant execute on function control.start_session to control_app, control_job;
