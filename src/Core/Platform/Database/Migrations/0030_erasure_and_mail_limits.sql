-- User ids that are being replaced by pseudonyms in usage, for persons whose data is erased. A row is deleted when no usage of the user is left: work in
-- progress, so nothing about a person stays here. Written by Privacy.
create table control.erasure (
    tenant_id uuid not null,
    user_id text not null,
    pseudonym text not null,
    requested_by text not null,
    requested_at timestamptz not null,
    events bigint not null default 0,
    primary key (tenant_id, user_id)
);
select control.protect_tenant_rows('control.erasure');
grant select, insert, update, delete on control.erasure to control_job;

-- Replaced by erase_usage_piece, which does not change all of a tenant's events in one transaction. On an empty database it was never created.
drop function if exists control.erase_user(uuid, text, text);

-- Mail that signups from one network, or one tenant, have caused.
create index on control.tenant (requested_from) where requested_from is not null;
create index on control.outbox (tenant_id, created_at);

-- A known device was stored instead of its network.
update control.tenant set requested_from = null where requested_from like 'device:%';
