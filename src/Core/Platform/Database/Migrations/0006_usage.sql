-- Written by Usage.

-- The key that makes redelivery harmless: one row per accepted (tenant, id) with a digest of the content, so that the same id
-- with other content is seen. Apart from usage_event because that is partitioned by time and a repeated id may carry another time.
create table control.usage_receipt (
    tenant_id uuid not null,
    id text not null,
    digest bytea not null,
    primary key (tenant_id, id)
);
select control.protect_tenant_rows('control.usage_receipt');
grant select, insert on control.usage_receipt to control_app, control_job;

-- One row per LLM call a tenant's gateway reported. Append-only: corrections are new rows. Read by Aggregation and Billing.
create table control.usage_event (
    tenant_id uuid not null,
    id text not null,
    occurred_at timestamptz not null,
    recorded_at timestamptz not null,
    user_id text not null,
    session_id text,
    model text not null,
    prompt_tokens bigint not null check (prompt_tokens >= 0),
    completion_tokens bigint not null check (completion_tokens >= 0),
    -- EUR, at the price in force at occurred_at.
    cost numeric(20, 9) not null check (cost >= 0),
    -- The billing period whose invoice carries the event. Later than occurred_at's own when that had been invoiced already.
    period int not null check (period >= 1),
    reservation_id uuid,
    feature text,
    quantity bigint check (quantity >= 0)
) partition by range (occurred_at);
create index on control.usage_event (tenant_id, occurred_at);
create trigger append_only before update or delete on control.usage_event for each row execute function control.refuse_change();
select control.protect_tenant_rows('control.usage_event');
grant select, insert on control.usage_event to control_app, control_job;

-- Makes the partition of a day's month. Called ahead by the nightly job, and by ingestion when an event finds none.
create function control.ensure_usage_partition(day date) returns boolean
language plpgsql security definer set search_path = control, pg_temp as $$
declare
    first date := date_trunc('month', day)::date;
    name text := 'usage_event_' || to_char(first, 'YYYY_MM');
begin
    if day not between date '2000-01-01' and date '2200-01-01' then
        raise exception 'no usage partition for %', day;
    end if;
    perform pg_advisory_xact_lock(hashtextextended('control.usage_event partitions', 0));
    if to_regclass('control.' || name) is not null then
        return false;
    end if;
    execute format('create table control.%I partition of control.usage_event for values from (%L) to (%L)',
        name, first::timestamp at time zone 'UTC', (first + interval '1 month') at time zone 'UTC');
    execute format('alter table control.%I enable row level security', name);
    return true;
end $$;
revoke all on function control.ensure_usage_partition from public;
grant execute on function control.ensure_usage_partition to control_app, control_job;

-- The live sum, changed in the same transaction as the events. day is the UTC day of occurred_at.
create table control.usage_counter (
    tenant_id uuid not null,
    day date not null,
    model text not null,
    user_id text not null,
    requests bigint not null,
    prompt_tokens bigint not null,
    completion_tokens bigint not null,
    cost numeric(20, 9) not null,
    primary key (tenant_id, day, model, user_id)
) with (fillfactor = 70);
create index on control.usage_counter (day);
select control.protect_tenant_rows('control.usage_counter');
grant select, insert, update on control.usage_counter to control_app, control_job;

-- What could not be counted, with the raw text and the reason. A redelivery of the same text only raises times_seen.
create table control.quarantine (
    id uuid primary key,
    tenant_id uuid not null,
    received_at timestamptz not null,
    -- Which form the text has: 'event' (section 6 of the design) or 'litellm'.
    form text not null check (form in ('event', 'litellm')),
    event_id text,
    occurred_on date,
    code text not null,
    detail text not null,
    raw text not null,
    raw_digest bytea not null,
    times_seen bigint not null default 1,
    state text not null default 'held' check (state in ('held', 'replayed')),
    replayed_at timestamptz,
    unique (tenant_id, raw_digest)
);
create index on control.quarantine (state, received_at desc);
select control.protect_tenant_rows('control.quarantine');
grant select, insert, update on control.quarantine to control_app, control_job;

-- Written by Aggregation: the nightly rollup of usage_event, the same grain as the counters.
create table control.daily_usage (
    tenant_id uuid not null,
    day date not null,
    model text not null,
    user_id text not null,
    requests bigint not null,
    prompt_tokens bigint not null,
    completion_tokens bigint not null,
    cost numeric(20, 9) not null,
    primary key (tenant_id, day, model, user_id)
);
create index on control.daily_usage (day);
select control.protect_tenant_rows('control.daily_usage');
grant select on control.daily_usage to control_app;
grant select, insert, update, delete on control.daily_usage to control_job;
