-- Written by Provisioning.
create table control.environment (
    tenant_id uuid primary key references control.tenant on delete cascade,
    state text not null check (state in ('requested', 'provisioning', 'ready', 'failed', 'updating', 'suspended', 'deleting', 'deleted')),
    -- What ready means here: 'running', or 'rendered' where no container engine is present.
    detail text,
    address text not null,
    failed_step text,
    failed_reason text,
    updated_at timestamptz not null
);
select control.protect_tenant_rows('control.environment');
grant select, insert, update on control.environment to control_app, control_job;

-- One list of steps that brings an environment to its desired state. Leases and retries are real time.
create table control.provisioning_run (
    id uuid primary key,
    tenant_id uuid not null references control.tenant on delete cascade,
    kind text not null check (kind in ('provision', 'restart', 'suspend', 'resume', 'delete')),
    state text not null check (state in ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    attempts int not null default 0,
    next_attempt_at timestamptz not null default now(),
    -- Whoever took the lease last writes with the highest token; writes with a lower one change nothing.
    fencing_token bigint not null default 0,
    lease_until timestamptz,
    error text,
    requested_at timestamptz not null,
    finished_at timestamptz,
    -- The order of a tenant's runs: in a sandbox many are requested at the same moment.
    ordinal bigint generated always as identity
);
create unique index one_run_per_tenant on control.provisioning_run (tenant_id) where state in ('queued', 'running');
create index on control.provisioning_run (next_attempt_at) where state in ('queued', 'running');
create index on control.provisioning_run (tenant_id, ordinal desc);
select control.protect_tenant_rows('control.provisioning_run');
grant select, insert, update on control.provisioning_run to control_app, control_job;

create table control.provisioning_step (
    run_id uuid not null references control.provisioning_run on delete cascade,
    tenant_id uuid not null references control.tenant on delete cascade,
    ordinal int not null,
    name text not null,
    state text not null check (state in ('pending', 'running', 'done', 'failed')),
    detail text,
    started_at timestamptz,
    finished_at timestamptz,
    primary key (run_id, ordinal)
);
select control.protect_tenant_rows('control.provisioning_step');
grant select, insert, update on control.provisioning_step to control_app, control_job;

-- The environment's secrets where no secret manager is at hand. Ciphertext only; the key is outside the database.
create table control.tenant_secret (
    tenant_id uuid not null references control.tenant on delete cascade,
    name text not null,
    ciphertext bytea not null,
    updated_at timestamptz not null,
    primary key (tenant_id, name)
);
select control.protect_tenant_rows('control.tenant_secret');
grant select, insert, update, delete on control.tenant_secret to control_job;
