-- Written by Provisioning: what a tenant has chosen for its Open WebUI, which forgets what is changed inside it. No row: the defaults.
create table control.chat_settings (
    tenant_id uuid primary key references control.tenant on delete cascade,
    signup boolean not null,
    default_model text,
    banner text check (length(banner) between 1 and 500),
    updated_at timestamptz not null
);
select control.protect_tenant_rows('control.chat_settings');
grant select, insert, update on control.chat_settings to control_app;
grant select on control.chat_settings to control_job;
