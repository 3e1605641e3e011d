-- Three roles do all the work at run time; none owns a table, so forced row-level security holds for each.
--   control_app        tenant-facing code: sees the rows of the tenant in app.current_tenant, nothing else
--   control_job        jobs and operators: sees every tenant
--   control_provision  makes and drops the schema and login role of one tenant's environment
-- Roles belong to the cluster, not the database, and two databases may be migrated at once.
do $$
declare name text;
begin
    foreach name in array array['control_app', 'control_job', 'control_provision'] loop
        begin
            execute format('create role %I nologin', name);
        exception when duplicate_object or unique_violation then null;
        end;
    end loop;
    execute 'alter role control_provision createrole';
    execute format('grant control_app, control_job, control_provision to %I', current_user);
    execute format('grant create on database %I to control_provision', current_database());
end $$;

create schema if not exists control;
revoke all on schema control from public;
grant usage on schema control to control_app, control_job;

-- Forces the tenant policy onto a table. The comparison fails, rather than matching nothing, when no tenant is set:
-- a missing tenant is a bug in our code and must be seen.
create function control.protect_tenant_rows(target regclass, tenant_column text default 'tenant_id') returns void
language plpgsql as $$
begin
    execute format('alter table %s enable row level security', target);
    execute format('alter table %s force row level security', target);
    execute format('create policy tenant_rows on %s to control_app using (%I = current_setting(''app.current_tenant'')::uuid)', target, tenant_column);
    execute format('create policy every_row on %s to control_job using (true)', target);
    execute format('create policy owner_rows on %s to %I using (true)', target, current_user);
end $$;
revoke all on function control.protect_tenant_rows from public;

-- The test clock of a sandbox. No row: time is real.
create table control.sandbox_clock (
    only_row boolean primary key default true check (only_row),
    now timestamptz not null
);
grant select on control.sandbox_clock to control_app, control_job;
grant insert, update on control.sandbox_clock to control_job;

create function control.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% on %.% is not allowed: rows there are never changed', tg_op, tg_table_schema, tg_table_name
        using errcode = 'restrict_violation';
end $$;

-- Who did what. Append-only for every role, the owner's included.
create table control.audit_log (
    id uuid primary key,
    tenant_id uuid,
    actor text not null,
    action text not null,
    detail jsonb not null default '{}',
    occurred_at timestamptz not null
);
create index on control.audit_log (tenant_id, occurred_at desc);
create trigger append_only before update or delete on control.audit_log for each row execute function control.refuse_change();
create trigger never_truncated before truncate on control.audit_log for each statement execute function control.refuse_change();
select control.protect_tenant_rows('control.audit_log');
grant select, insert on control.audit_log to control_app, control_job;

-- One row per run of a job. Written by Operations; read by the operator's pages.
create table control.job_run (
    id uuid primary key,
    job text not null,
    scheduled_for timestamptz not null,
    started_at timestamptz not null,
    finished_at timestamptz,
    outcome text not null check (outcome in ('running', 'succeeded', 'failed', 'abandoned')),
    summary jsonb not null default '{}'
);
create index on control.job_run (job, started_at desc);
create index on control.job_run (job, scheduled_for desc);
grant select, insert, update, delete on control.job_run to control_job;

-- Keys of the framework's data protection (antiforgery), shared by every process.
create table control.data_protection_key (
    name text primary key,
    xml text not null
);
grant select, insert on control.data_protection_key to control_app, control_job;

-- Only the hash of the operator's key is kept; a sign-in to /admin makes a session.
create table control.operator_key (
    hash bytea primary key,
    created_at timestamptz not null
);
create table control.operator_session (
    token_hash bytea primary key,
    expires_at timestamptz not null
);
grant select, insert, delete on control.operator_key, control.operator_session to control_job;
