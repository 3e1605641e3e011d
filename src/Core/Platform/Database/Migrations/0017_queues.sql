-- Mail, webhooks and alerts are queues. An item is claimed in one short transaction, sent outside of any, and its result is recorded in another. A claim
-- counts the attempt and moves next_attempt_at into the future: until then no other sender takes the item, and after it the item of a sender that was
-- killed is due again. Items fail alone; dead_at is set when no further attempt is made, and last_error says why.

alter table control.outbox
    -- The recipient is waiting for it: never sent after other mail.
    add column urgent boolean not null default false,
    add column dead_at timestamptz;
update control.outbox set dead_at = now() where sent_at is null and attempts >= 20;
create index outbox_due on control.outbox (urgent desc, next_attempt_at, id) where sent_at is null and dead_at is null;
create index outbox_dead on control.outbox (id) where dead_at is not null;

alter table control.webhook_delivery add column dead_at timestamptz;
update control.webhook_delivery set dead_at = now() where delivered_at is null and attempts >= 20;
create index webhook_delivery_due on control.webhook_delivery (tenant_id, next_attempt_at, id) where delivered_at is null and dead_at is null;
create index webhook_delivery_dead on control.webhook_delivery (id) where dead_at is not null;

alter table control.budget_alert
    add column attempts int not null default 0,
    -- Real time, as are all retries.
    add column next_attempt_at timestamptz not null default now(),
    add column last_error text,
    add column dead_at timestamptz;

-- Addresses that refused mail permanently, or whose owner complained. No mail is sent there until an operator lifts the suppression. Written by
-- Notifications. Addresses belong to no tenant: one person may be a member of several.
create table control.mail_suppression (
    id uuid primary key,
    address text not null unique check (address = lower(address)),
    kind text not null check (kind in ('bounce', 'complaint')),
    reason text not null,
    created_at timestamptz not null
);
grant select, insert, delete on control.mail_suppression to control_job;
