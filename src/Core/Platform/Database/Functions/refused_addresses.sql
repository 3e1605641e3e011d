-- Accounts: counts the addresses that have refused mail since a moment, of mail that signups from one network, or one tenant, have caused. A message that
-- was dead-lettered before its last attempt was refused permanently; the others may have met an outage of our own mail server.
create or replace function control.refused_addresses(network text, tenant uuid, since timestamptz, attempts int) returns bigint
language sql stable security definer set search_path = control, pg_temp as $$
    select count(distinct lower(o.recipient)) from outbox o
    where (o.tenant_id = refused_addresses.tenant or o.tenant_id in (select t.id from tenant t where t.requested_from = refused_addresses.network))
      and o.created_at > refused_addresses.since
      and (o.dead_at is not null and o.attempts < refused_addresses.attempts
           or exists (select from mail_suppression s where s.address = lower(o.recipient)))
$$;
alter function control.refused_addresses owner to control_job;
revoke all on function control.refused_addresses from public;
grant execute on function control.refused_addresses to control_app, control_job;
