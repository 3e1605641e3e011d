-- Platform: forces the tenant policy onto a table. The comparison fails, rather than matching nothing, when no tenant is set:
-- a missing tenant is a bug in the code and must show.
create or replace function control.protect_tenant_rows(target regclass, tenant_column text default 'tenant_id') returns void
language plpgsql as $$
begin
    execute format('alter table %s enable row level security', target);
    execute format('alter table %s force row level security', target);
    execute format('create policy tenant_rows on %s to control_app using (%I = current_setting(''app.current_tenant'')::uuid)', target, tenant_column);
    execute format('create policy every_row on %s to control_job using (true)', target);
    execute format('create policy owner_rows on %s to %I using (true)', target, current_user);
end $$;
revoke all on function control.protect_tenant_rows from public;
