-- Written by Provisioning. Environments are named by their tenant's id: folders, containers, volumes, networks. Those that exist keep the names that they have, which are made of the slug at the
-- time; the slug itself may be another tenant's later. null: by the id.
alter table control.environment add column former_name text;
update control.environment e set former_name = t.slug from control.tenant t where t.id = e.tenant_id and e.state <> 'deleted';

-- Since when there is a last copy of a deleted environment; null: there is none.
alter table control.environment add column last_copy_at timestamptz;
create index environment_last_copy on control.environment (tenant_id) where last_copy_at is not null;

-- For the job retention, which erases the personal data of deleted tenants.
create index tenant_to_erase on control.tenant (deleted_at) where status = 'deleted' and erased_at is null;
grant delete on control.webhook_endpoint, control.chat_settings to control_job;
