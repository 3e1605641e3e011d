-- Metering: which batch has processed an event that is still held. A batch skips events whose tenant is busy and comes back to them, so its progress is
-- kept with the events and no longer as one position (quarantine_batch.after_id, which the former release still moves).
alter table control.quarantine add column last_batch_id uuid;
-- In the order of arrival, as events are replayed.
create index quarantine_replay on control.quarantine (code, received_at, id) where state = 'held';

-- Notifications, Limits: an operator has decided that it will not be delivered.
alter table control.outbox add column discarded_at timestamptz;
alter table control.webhook_delivery add column discarded_at timestamptz;
alter table control.budget_alert add column discarded_at timestamptz;

-- Provisioning: when the owner was told that the environment is ready, once. The mail itself is deleted after its retention. Environments that were ready
-- before, and those whose mail is still there, have been announced.
alter table control.environment add column welcomed_at timestamptz;
update control.environment e set welcomed_at = e.updated_at
where e.state in ('ready', 'updating', 'suspended', 'deleting', 'deleted') or e.moved_at is not null
   or exists (select from control.outbox o where o.dedupe_key = 'welcome:' || e.tenant_id)
   or exists (select from control.provisioning_run r where r.tenant_id = e.tenant_id and r.kind in ('restart', 'suspend', 'resume'))
   or exists (select from control.provisioning_step s where s.tenant_id = e.tenant_id and s.name = 'welcome' and s.state = 'done');
