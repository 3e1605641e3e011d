-- Mail to be sent, written in the transaction of what it tells about. Written by Mail on behalf of every stage.
create table control.outbox (
    id uuid primary key,
    tenant_id uuid references control.tenant on delete cascade,
    -- The same message is never queued twice.
    dedupe_key text not null unique,
    recipient text not null,
    subject text not null,
    body text not null,
    attachment_name text,
    attachment bytea,
    created_at timestamptz not null,
    attempts int not null default 0,
    -- Real time, as are all retries: a frozen sandbox clock must not hold mail back.
    next_attempt_at timestamptz not null default now(),
    sent_at timestamptz,
    last_error text
);
create index on control.outbox (next_attempt_at) where sent_at is null;
select control.protect_tenant_rows('control.outbox');
grant insert on control.outbox to control_app;
grant select, insert, update, delete on control.outbox to control_job;
