-- Accounts: finds a member's session before the tenant is known, by its exact hash only, and notes that it is in use. A session ends at its expiry,
-- after inactivity, with its member and with its tenant.
create or replace function control.use_session(wanted bytea, idle interval)
returns table (tenant_id uuid, member_id uuid, email text, role text, organization text, other_tenants int)
language plpgsql security definer set search_path = control, pg_temp as $$
begin
    -- At most once a minute: most requests write nothing.
    update member_session s set last_seen_at = now()
    where s.token_hash = wanted and s.expires_at > now() and s.last_seen_at > now() - idle and s.last_seen_at < now() - interval '1 minute';
    return query
        select s.tenant_id, s.member_id, m.email, m.role, t.organization, (select count(*)::int - 1 from memberships(m.id))
        from member_session s join member m on m.id = s.member_id join tenant t on t.id = s.tenant_id
        where s.token_hash = wanted and s.expires_at > now() and s.last_seen_at > now() - idle and not t.is_deleted;
end $$;
alter function control.use_session owner to control_job;
revoke all on function control.use_session from public;
grant execute on function control.use_session to control_app, control_job;
