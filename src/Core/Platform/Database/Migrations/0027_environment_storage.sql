-- Catalog: how much an environment of the plan may store on disk. The default is for plans that an operator adds.
alter table control.plan add column storage_gib int not null default 10 check (storage_gib > 0);
update control.plan set storage_gib = case name when 'trial' then 5 when 'premium' then 50 when 'enterprise' then 200 else storage_gib end;

-- Limits: an operator's limit for one tenant in place of its plan's.
alter table control.budget_override add column storage_gib int check (storage_gib > 0);

-- Written by Provisioning: what the volumes of an environment take up, as the job "storage" measured it last, and what follows from it. A table of its own,
-- because the row of the environment is the lock of its runs.
create table control.environment_storage (
    tenant_id uuid primary key references control.tenant on delete cascade,
    bytes bigint not null check (bytes >= 0),
    allowed_bytes bigint not null check (allowed_bytes > 0),
    measured_at timestamptz not null,
    -- The threshold, in percent, that the owner was told of last. 0: none.
    announced int not null default 0,
    -- Until then, and up to so many bytes, it keeps running although it stores too much.
    grace_until timestamptz,
    grace_bytes bigint,
    stopped_at timestamptz,
    check ((grace_until is null) = (grace_bytes is null))
);
select control.protect_tenant_rows('control.environment_storage');
grant select on control.environment_storage to control_app;
grant select, insert, update on control.environment_storage to control_job;

-- Written by Provisioning: the disks that environments and the control plane fill. Below the reserve no environment is created.
create table control.disk_space (
    name text primary key,
    free_bytes bigint not null,
    total_bytes bigint not null,
    measured_at timestamptz not null
);
grant select, insert, update on control.disk_space to control_job;
