-- Deletion ends all access when it is requested, whether or not the environment can be removed yet: lookups of keys, signatures, sessions and links
-- ask for is_deleted. Written by Accounts. The former release only sets the status, hence both.
alter table control.tenant
    add column deletion_requested_at timestamptz,
    -- The slug of a deleted tenant whose rest is over; slug itself is a placeholder then, so that the name is free.
    add column former_slug text,
    add column is_deleted boolean not null generated always as (status = 'deleted' or deletion_requested_at is not null) stored;
update control.tenant t set deletion_requested_at = now()
from control.environment e where e.tenant_id = t.id and e.state = 'deleting';

-- What a key may do. Keys from before have every right. The gateway's key is named 'gateway' and limited by control.find_tenant_key_2.
alter table control.tenant_key add column scopes text[] not null default '{admin}' check (cardinality(scopes) > 0);

-- Named operators. The key in operator_key stays the first admin's. Written by Accounts.
create table control.operator (
    id uuid primary key,
    name text not null check (length(name) between 1 and 60),
    role text not null check (role in ('admin', 'billing', 'support')),
    -- The first characters, to recognise the key by; the rest is only hashed.
    prefix text not null,
    key_hash bytea not null unique,
    created_at timestamptz not null,
    created_by text not null,
    revoked_at timestamptz
);
create unique index operator_name on control.operator (lower(name)) where revoked_at is null;
grant select, insert, update on control.operator to control_job;

-- Sessions of named operators. Not in operator_session: the former release accepts every row there with an admin's rights.
create table control.operator_login (
    token_hash bytea primary key,
    operator_id uuid not null references control.operator on delete cascade,
    expires_at timestamptz not null
);
create index on control.operator_login (operator_id);
grant select, insert, delete on control.operator_login to control_job;

-- Who has had a trial, by the hash of an address without tags. Written by Accounts, where CONTROLPLANE_ONE_TRIAL_PER_PERSON is set.
create table control.trial_use (
    person bytea primary key,
    tenant_id uuid not null references control.tenant on delete cascade,
    started_at timestamptz not null
);
create index on control.trial_use (tenant_id);
select control.protect_tenant_rows('control.trial_use');
grant select, insert on control.trial_use to control_app, control_job;

-- Stored secrets are encrypted again after the secrets key changed.
grant update on control.webhook_endpoint, control.data_protection_key to control_job;
