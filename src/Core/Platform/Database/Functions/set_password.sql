-- Accounts: sets the password of a member of the current tenant, and of the same person in all other tenants. Ends
-- all of the person's sessions and reset links.
create or replace function control.set_password(wanted uuid, hash text) returns void
language plpgsql security definer set search_path = control, pg_temp as $$
declare person uuid[];
begin
    select array_agg(other.id) into person from member m join member other on lower(other.email) = lower(m.email)
    where m.id = wanted and m.tenant_id = current_setting('app.current_tenant')::uuid
      and (other.id = m.id or (other.confirmed_at is not null and other.password_hash is not null));
    update member m set password_hash = hash where m.id = any(person);
    delete from member_session s where s.member_id = any(person);
    update member_token k set used_at = now() where k.member_id = any(person) and k.purpose in ('reset', 'email') and k.used_at is null;
end $$;
alter function control.set_password owner to control_job;
revoke all on function control.set_password from public;
grant execute on function control.set_password to control_app, control_job;
