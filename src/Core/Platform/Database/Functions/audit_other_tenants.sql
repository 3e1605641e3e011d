-- Accounts: records an action of a member of the current tenant that also changed the same person's other tenants, in the audit log of each of those.
create or replace function control.audit_other_tenants(wanted uuid, action text, moment timestamptz) returns void
language sql security definer set search_path = control, pg_temp as $$
    insert into audit_log (id, tenant_id, actor, action, occurred_at)
    select gen_random_uuid(), o.tenant_id, 'member:' || o.member_id, audit_other_tenants.action, moment
    from member m cross join lateral memberships(m.id) o
    where m.id = wanted and m.tenant_id = current_setting('app.current_tenant')::uuid and o.member_id <> m.id
$$;
alter function control.audit_other_tenants owner to control_job;
revoke all on function control.audit_other_tenants from public;
grant execute on function control.audit_other_tenants to control_app, control_job;
