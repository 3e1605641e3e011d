-- Where a tenant's data belongs: the region of the installation it was made at (CONTROLPLANE_REGION). A fact about the tenant, not about the
-- program that happens to read the row: a backup restored elsewhere still says where it comes from. Tenants that are here already belong to
-- the installation that migrates them, which the migrator names in app.region. Set once: moving a tenant means making a new one elsewhere.
alter table control.tenant add column region text check (region ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$');
update control.tenant set region = current_setting('app.region');
alter table control.tenant alter column region set not null;
-- For the version before this one, which does not name it and runs on until this one has taken over.
do $$
begin
    execute format('alter table control.tenant alter column region set default %L', current_setting('app.region'));
end $$;

create function control.refuse_region_change() returns trigger language plpgsql as $$
begin
    raise exception 'tenant % belongs to region %: a region is never changed', old.slug, old.region using errcode = 'restrict_violation';
end $$;
create trigger region_is_final before update on control.tenant
    for each row when (old.region is distinct from new.region) execute function control.refuse_region_change();
