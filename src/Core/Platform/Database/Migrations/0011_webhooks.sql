-- Written by Webhooks: what tenants are told by HTTP, after the Standard Webhooks specification.
create table control.webhook_endpoint (
    tenant_id uuid primary key references control.tenant on delete cascade,
    url text not null check (length(url) <= 2000),
    -- The secret that signs deliveries, encrypted.
    ciphertext bytea not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
select control.protect_tenant_rows('control.webhook_endpoint');
grant select, insert, update, delete on control.webhook_endpoint to control_app;
grant select on control.webhook_endpoint to control_job;

-- One row for each message, written in the transaction of what it tells about. Its id is the webhook-id of every attempt and every replay.
create table control.webhook_delivery (
    id uuid primary key,
    tenant_id uuid not null references control.tenant on delete cascade,
    type text not null,
    payload text not null,
    created_at timestamptz not null,
    attempts int not null default 0,
    -- Real time, as are all retries.
    next_attempt_at timestamptz not null default now(),
    delivered_at timestamptz,
    -- Of the last attempt: the HTTP status, or why there is none.
    last_status int,
    last_error text
);
create index on control.webhook_delivery (next_attempt_at) where delivered_at is null;
create index on control.webhook_delivery (tenant_id, id desc);
select control.protect_tenant_rows('control.webhook_delivery');
grant select, update on control.webhook_delivery to control_app;
grant select, insert, update, delete on control.webhook_delivery to control_job;
