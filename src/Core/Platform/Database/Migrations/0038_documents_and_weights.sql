-- Written by Provisioning: the documents of an environment, as the job "storage" counted them last.
create table control.environment_documents (
    tenant_id uuid primary key references control.tenant on delete cascade,
    documents bigint not null check (documents >= 0),
    -- null: any number.
    allowed bigint check (allowed >= 0),
    counted_at timestamptz not null,
    -- What the owner was told last: 0 nothing, 1 that the limit is reached, 2 that there are more.
    announced int not null default 0 check (announced between 0 and 2)
);
select control.protect_tenant_rows('control.environment_documents');
grant select on control.environment_documents to control_app;
grant select, insert, update on control.environment_documents to control_job;

-- Catalog: plans whose tenants may have weights of their own in their dedicated Ollama.
alter table control.plan add column custom_weights boolean not null default false;
update control.plan set custom_weights = true where name = 'enterprise';
-- The names of tenants' own weights, so that no model of the catalog has one of them.
alter table control.model add check (name not like 'own/%');

-- Written by Provisioning: the models of a dedicated Ollama, those of the plan and the tenant's own, which are named own/…. A row that is removed stays: usage that is
-- reported late is still the tenant's.
create table control.tenant_model (
    tenant_id uuid not null references control.tenant on delete cascade,
    -- As clients and prices name it.
    name text not null,
    -- As Ollama downloads it: a name in its library, or hf.co/ and a repository.
    source text not null,
    state text not null check (state in ('requested', 'pulling', 'ready', 'failed', 'removing', 'removed')),
    -- Of the failure, for the tenant.
    reason text,
    -- Of the download.
    percent int check (percent between 0 and 100),
    size_bytes bigint check (size_bytes >= 0),
    digest text,
    created_at timestamptz not null,
    -- The latest run when what the gateway has to offer changed; null: it has not yet. A later run applies it.
    changed_after bigint,
    -- Real time: until then a process works on it; when a failed download is repeated.
    claimed_until timestamptz,
    next_attempt_at timestamptz,
    primary key (tenant_id, name)
);
create unique index on control.tenant_model (tenant_id, source) where name like 'own/%' and state <> 'removed';
create index on control.tenant_model (state) where state not in ('ready', 'removed');
select control.protect_tenant_rows('control.tenant_model');
grant select, insert, update on control.tenant_model to control_app, control_job;
