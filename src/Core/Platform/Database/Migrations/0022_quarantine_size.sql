-- Written by Metering. The size of a tenant's quarantine is read with each delivery that adds to it: from this index alone.
alter table control.quarantine add column bytes int not null generated always as (octet_length(raw)) stored;
create index quarantine_held_size on control.quarantine (tenant_id) include (bytes) where state = 'held';
drop index control.quarantine_held;
