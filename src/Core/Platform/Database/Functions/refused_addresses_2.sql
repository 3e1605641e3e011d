-- Accounts: counts the addresses that have refused mail since a moment, of mail of these kinds (the beginnings of its keys) that signups from one network, or one
-- tenant, have caused. A message that was dead-lettered before its last attempt was refused permanently; the others may have met an outage of our own mail server.
create or replace function control.refused_addresses_2(network text, tenant uuid, kinds text[], since timestamptz, attempts int) returns bigint
language sql stable security definer set search_path = control, pg_temp as $$
    select count(distinct lower(o.recipient)) from outbox o
    where (o.tenant_id = refused_addresses_2.tenant or o.tenant_id in (select t.id from tenant t where t.requested_from = refused_addresses_2.network))
      and split_part(o.dedupe_key, ':', 1) = any(refused_addresses_2.kinds)
      and o.created_at > refused_addresses_2.since
      and (o.dead_at is not null and o.attempts < refused_addresses_2.attempts
           or exists (select from mail_suppression s where s.address = lower(o.recipient)))
$$;
alter function control.refused_addresses_2 owner to control_job;
revoke all on function control.refused_addresses_2 from public;
grant execute on function control.refused_addresses_2 to control_app, control_job;
