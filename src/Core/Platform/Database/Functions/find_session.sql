-- Accounts: finds a member's session before the tenant is known, by its exact hash only.
create or replace function control.find_session(wanted bytea)
returns table (tenant_id uuid, member_id uuid, email text, role text, tenant_status text)
language sql stable security definer set search_path = control, pg_temp as $$
    select s.tenant_id, s.member_id, m.email, m.role, t.status
    from member_session s join member m on m.id = s.member_id join tenant t on t.id = s.tenant_id
    where s.token_hash = wanted and s.expires_at > now() and not t.is_deleted
$$;
alter function control.find_session owner to control_job;
revoke all on function control.find_session from public;
grant execute on function control.find_session to control_app, control_job;
