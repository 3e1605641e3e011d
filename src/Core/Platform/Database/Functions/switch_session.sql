-- Accounts: replaces a session by one of the same person for another tenant, with the same expiry. Returns no row when the person may not sign in to
-- that tenant; the caller then rolls back.
create or replace function control.switch_session(wanted bytea, replacement bytea, target uuid)
returns table (member_id uuid, expires_at timestamptz)
language plpgsql security definer set search_path = control, pg_temp as $$
begin
    return query
        with former as (delete from member_session s where s.token_hash = wanted and s.expires_at > now() returning s.member_id, s.expires_at)
        insert into member_session as s (token_hash, tenant_id, member_id, expires_at)
        select replacement, m.tenant_id, m.member_id, former.expires_at
        from former cross join lateral memberships(former.member_id) m where m.tenant_id = target
        returning s.member_id, s.expires_at;
    update member m set signed_in_at = now() from member_session s where s.token_hash = replacement and m.id = s.member_id;
end $$;
alter function control.switch_session owner to control_job;
revoke all on function control.switch_session from public;
grant execute on function control.switch_session to control_app, control_job;
