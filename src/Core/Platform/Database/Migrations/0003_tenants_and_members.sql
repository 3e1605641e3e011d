-- Written by Signup.
create table control.tenant (
    id uuid primary key,
    slug text not null unique check (slug ~ '^[a-z0-9]([a-z0-9-]{1,38})[a-z0-9]$'),
    organization text not null check (length(organization) between 1 and 200),
    country text not null check (country ~ '^[A-Z]{2}$'),
    vat_id text,
    -- The plan asked for at signup; the subscription that follows says what is in force.
    requested_plan text not null references control.plan,
    -- pending: address not verified. active, suspended (by an operator or for non-payment), deleted (the environment is gone; the books stay).
    status text not null check (status in ('pending', 'active', 'suspended', 'deleted')),
    created_at timestamptz not null,
    verified_at timestamptz,
    deleted_at timestamptz
);
select control.protect_tenant_rows('control.tenant', 'id');
grant select, insert, update on control.tenant to control_app;
grant select, insert, update, delete on control.tenant to control_job;

-- A confirmed address signs in to one tenant, so a sign-in needs no tenant's name.
create table control.member (
    id uuid primary key,
    tenant_id uuid not null references control.tenant on delete cascade,
    email text not null check (length(email) between 3 and 254),
    role text not null check (role in ('owner', 'billing', 'viewer')),
    -- null: invited, has not chosen one yet.
    password_hash text,
    -- When the address was proven by a link mailed to it, or vouched for by an operator. Until then anyone may have typed it in, so it
    -- keeps nobody else from using it: a signup or an invitation that names a known address looks like any other.
    confirmed_at timestamptz,
    created_at timestamptz not null
);
create unique index member_email on control.member (lower(email)) where confirmed_at is not null;
create unique index member_email_of_tenant on control.member (tenant_id, lower(email));
create index on control.member (lower(email));
select control.protect_tenant_rows('control.member');
grant select, insert, update, delete on control.member to control_app, control_job;

-- What a link in a mail carries, hashed. Used once. Expiry is real time, not the sandbox's: it guards the mailbox.
create table control.member_token (
    hash bytea primary key,
    tenant_id uuid not null references control.tenant on delete cascade,
    member_id uuid not null references control.member on delete cascade,
    purpose text not null check (purpose in ('verify', 'reset', 'invite')),
    expires_at timestamptz not null,
    used_at timestamptz
);
create index on control.member_token (tenant_id);
select control.protect_tenant_rows('control.member_token');
grant select, insert, update, delete on control.member_token to control_app, control_job;

create table control.member_session (
    token_hash bytea primary key,
    tenant_id uuid not null references control.tenant on delete cascade,
    member_id uuid not null references control.member on delete cascade,
    expires_at timestamptz not null
);
create index on control.member_session (member_id);
select control.protect_tenant_rows('control.member_session');
grant select, insert, delete on control.member_session to control_app, control_job;

create table control.tenant_key (
    id uuid primary key,
    tenant_id uuid not null references control.tenant on delete cascade,
    name text not null check (length(name) between 1 and 100),
    -- The first characters, to recognise a key by; the rest is only hashed.
    prefix text not null,
    hash bytea not null unique,
    created_at timestamptz not null,
    revoked_at timestamptz
);
create index on control.tenant_key (tenant_id);
select control.protect_tenant_rows('control.tenant_key');
grant select, insert, update on control.tenant_key to control_app, control_job;

-- Secrets that sign usage webhooks, encrypted. After a rotation the old one stays valid until expires_at.
create table control.webhook_secret (
    id uuid primary key,
    tenant_id uuid not null references control.tenant on delete cascade,
    ciphertext bytea not null,
    created_at timestamptz not null,
    expires_at timestamptz
);
create index on control.webhook_secret (tenant_id);
select control.protect_tenant_rows('control.webhook_secret');
grant select, insert, update on control.webhook_secret to control_app, control_job;

-- Look-ups that come before the tenant is known. Each answers for one exact value only, so control_app cannot list anything.
create function control.find_member_by_email(wanted text)
returns table (tenant_id uuid, member_id uuid, email text, password_hash text, tenant_status text, confirmed boolean)
language sql stable security definer set search_path = control, pg_temp as $$
    select m.tenant_id, m.id, m.email, m.password_hash, t.status, m.confirmed_at is not null
    from member m join tenant t on t.id = m.tenant_id where lower(m.email) = lower(wanted)
    order by m.confirmed_at is null, m.created_at desc limit 1
$$;

create function control.find_owner_by_slug(wanted text)
returns table (tenant_id uuid, member_id uuid, email text, password_hash text, tenant_status text)
language sql stable security definer set search_path = control, pg_temp as $$
    select t.id, m.id, m.email, m.password_hash, t.status from tenant t left join member m on m.tenant_id = t.id and m.role = 'owner'
    where t.slug = wanted order by m.created_at limit 1
$$;

create function control.find_member_token(wanted bytea)
returns table (tenant_id uuid, member_id uuid, purpose text, used boolean, expired boolean)
language sql stable security definer set search_path = control, pg_temp as $$
    select tenant_id, member_id, purpose, used_at is not null, expires_at <= now() from member_token where hash = wanted
$$;

create function control.find_session(wanted bytea)
returns table (tenant_id uuid, member_id uuid, email text, role text, tenant_status text)
language sql stable security definer set search_path = control, pg_temp as $$
    select s.tenant_id, s.member_id, m.email, m.role, t.status
    from member_session s join member m on m.id = s.member_id join tenant t on t.id = s.tenant_id
    where s.token_hash = wanted and s.expires_at > now()
$$;

create function control.find_tenant_key(wanted bytea)
returns table (tenant_id uuid, key_id uuid, tenant_status text)
language sql stable security definer set search_path = control, pg_temp as $$
    select k.tenant_id, k.id, t.status from tenant_key k join tenant t on t.id = k.tenant_id where k.hash = wanted and k.revoked_at is null
$$;

do $$
declare f regprocedure;
begin
    grant create on schema control to control_job;
    for f in select oid::regprocedure from pg_proc where pronamespace = 'control'::regnamespace and prosecdef loop
        execute format('alter function %s owner to control_job', f);
        execute format('revoke all on function %s from public', f);
        execute format('grant execute on function %s to control_app, control_job', f);
    end loop;
    revoke create on schema control from control_job;
end $$;

-- Written by Plans. Periods are counted from the anchor day; open_period is the first one without an invoice, and the one
-- that late usage is billed in. It moves only under the tenant's exclusive billing lock (see Plans/BillingLock.cs).
create table control.subscription (
    tenant_id uuid primary key references control.tenant on delete cascade,
    plan text not null references control.plan,
    status text not null check (status in ('active', 'ended')),
    started_at timestamptz not null,
    anchor date not null,
    trial_ends_at timestamptz,
    open_period int not null default 1 check (open_period >= 1),
    -- Agreed prices; null takes the plan's.
    agreed_eur_per_month numeric(10, 2) check (agreed_eur_per_month >= 0),
    agreed_overage_eur_per_1000 numeric(12, 6) check (agreed_overage_eur_per_1000 >= 0)
);
create index on control.subscription (open_period, anchor) where status = 'active';
select control.protect_tenant_rows('control.subscription');
grant select, insert, update on control.subscription to control_app, control_job;
