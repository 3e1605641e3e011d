-- Provisioning. Migration 28 took every environment that had been requested for one that was ready before. Where none of its runs has succeeded and its
-- owner was not welcomed, the trial has yet to begin.
update control.environment e set first_ready_at = null
where state in ('provisioning', 'failed') and welcomed_at is null
  and not exists (select from control.provisioning_run r where r.tenant_id = e.tenant_id and r.state = 'succeeded');

-- The 24 hours of an environment that is suspended begin when it runs again; up to how many bytes is known before.
alter table control.environment_storage drop constraint environment_storage_check;
alter table control.environment_storage add check (grace_until is null or grace_bytes is not null);

-- Disks that there are no longer.
grant delete on control.disk_space to control_job;
