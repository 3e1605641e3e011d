-- Accounts: lists the tenants that the person of a session may switch to, by the session's exact hash only.
create or replace function control.memberships_of_session(wanted bytea)
returns table (tenant_id uuid, organization text, role text, is_current boolean)
language sql stable security definer set search_path = control, pg_temp as $$
    select m.tenant_id, m.organization, m.role, m.member_id = s.member_id
    from member_session s cross join lateral memberships(s.member_id) m where s.token_hash = wanted and s.expires_at > now()
$$;
alter function control.memberships_of_session owner to control_job;
revoke all on function control.memberships_of_session from public;
grant execute on function control.memberships_of_session to control_app, control_job;
