-- Unapproved tenants share some places of the Ollama that all environments share, and leave the others to approved ones (docs/decisions/0053).

-- Written by Provisioning: whether the environment was last started for a tenant that was not approved, so that an approval starts it once more.
alter table control.environment add column is_restricted boolean not null default false;

-- Written by Limits: whether the call takes one of the places that unapproved tenants share. They are counted across all tenants, so the index names none.
alter table control.reservation add column shared_place boolean not null default false;
create index reservation_shared_place on control.reservation (expires_at) where state = 'held' and shared_place;
