-- Provisioning: every environment has a database of its own (docs/decisions/0025). Advisory locks, notifications and the right to connect are per database, so
-- nothing that an environment's login does there can reach the control plane. Every login can read the names of all databases and roles, so the name is
-- random. It is a default, so that the former release, which does not know the column, gives one to the environments that it creates.
alter table control.environment
    add column database_name text not null unique default 'env_' || replace(gen_random_uuid()::text, '-', ''),
    -- When the schemas that earlier releases kept in this database were copied to the environment's own. null: never, or there was nothing to copy.
    add column moved_at timestamptz;

do $$
declare grantee name;
begin
    -- PUBLIC includes the environments' logins. Everyone who was allowed to use the schema keeps the right to connect, and so do the logins of the functions,
    -- which inherit nothing.
    for grantee in
        select r.rolname from pg_namespace n cross join aclexplode(n.nspacl) a join pg_roles r on r.oid = a.grantee where n.nspname = 'control'
        union select rolname from pg_roles
              where rolname in ('controlplane_api', 'controlplane_usage', 'controlplane_jobs', 'controlplane_provision')
    loop
        execute format('grant connect on database %I to %I', current_database(), grantee);
    end loop;
    -- Until their schemas are moved, environments connect, too. Granted by the role that drops them: it cannot drop a role that has rights from another.
    execute format('grant connect on database %I to control_provision with grant option', current_database());
    set local role control_provision;
    for grantee in
        select r.rolname from pg_namespace n join pg_roles r on r.oid = n.nspowner where r.rolname like 'tenant\_%'
    loop
        execute format('grant connect on database %I to %I', current_database(), grantee);
    end loop;
    reset role;
    execute format('revoke connect, temporary on database %I from public', current_database());
    -- The nightly rollup uses a temporary table.
    execute format('grant temporary on database %I to control_job', current_database());

    -- Roles belong to the cluster: another installation on it may have done this already.
    if not (select rolcreatedb from pg_roles where rolname = 'control_provision') then
        begin
            alter role control_provision createdb;
        exception when insufficient_privilege then
            -- The step "database" of a provisioning run fails with the same advice.
            raise warning 'The role control_provision cannot create databases: run "alter role control_provision createdb" as a superuser.';
        end;
    end if;
end $$;
