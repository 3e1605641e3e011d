-- Accounts: the trigger of control.tenant that keeps its region. Moving a tenant means creating a new one elsewhere.
create or replace function control.refuse_region_change() returns trigger language plpgsql as $$
begin
    raise exception 'tenant % belongs to region %: a region is never changed', old.slug, old.region using errcode = 'restrict_violation';
end $$;
