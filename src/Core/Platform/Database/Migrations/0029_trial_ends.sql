-- Provisioning: how far the end of a tenant's trial has come, and since when: see TrialEnd. 'running' also without a trial.
alter table control.environment
    add column trial_stage text not null default 'running' check (trial_stage in ('running', 'reminded', 'ended', 'stopped', 'warned')),
    add column trial_stage_at timestamptz,
    -- The default is for the former release, which does not know the column.
    add column created_at timestamptz not null default now();
-- Runs are deleted after their retention, so the first one that is left may be a later one.
update control.environment e
set created_at = coalesce(least((select min(r.requested_at) from control.provisioning_run r where r.tenant_id = e.tenant_id), e.welcomed_at), e.updated_at);

-- Provisioning: how often the lease of a run has expired, because its worker was killed or could not reach the database.
alter table control.provisioning_run add column interruptions int not null default 0;
