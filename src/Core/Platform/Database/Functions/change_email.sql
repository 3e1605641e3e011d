-- Accounts: gives a member of the current tenant a new address, and the same person in all other tenants. Returns false when another person has it.
create or replace function control.change_email(wanted uuid, address text) returns boolean
language plpgsql security definer set search_path = control, pg_temp as $$
declare person uuid[]; former text;
begin
    select m.email into former from member m where m.id = wanted and m.tenant_id = current_setting('app.current_tenant')::uuid for update;
    select array_agg(o.member_id) into person from memberships(wanted) o;
    if former is null or exists (
        select from member m join tenant t on t.id = m.tenant_id
        where lower(m.email) = lower(address) and not m.id = any(person) and not t.is_deleted
          and (m.confirmed_at is not null or m.tenant_id in (select o.tenant_id from member o where o.id = any(person)))) then
        return false;
    end if;
    update member m set email = address where m.id = any(person);
    -- Whoever had access to the former address may have signed in with it.
    delete from member_session s where s.member_id = any(person);
    -- Links that were mailed to the former address.
    update member_token k set used_at = now() where k.member_id = any(person) and k.purpose in ('reset', 'email') and k.used_at is null;
    return true;
end $$;
alter function control.change_email owner to control_job;
revoke all on function control.change_email from public;
grant execute on function control.change_email to control_app, control_job;
