-- Metering: creates the partition of a day's month, with the index that makes redelivery harmless. Called ahead of time by the nightly job, and by
-- ingestion when an event finds none. Runs as the owner of control.usage_event; day is its only input.
create or replace function control.ensure_usage_partition(day date) returns boolean
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
    -- Attached, not created as a partition: that would lock the whole table, wait for every transaction that reads it, and stop all others meanwhile.
    execute format('create table control.%I (like control.usage_event including defaults including constraints)', name);
    execute format('create unique index on control.%I (tenant_id, id)', name);
    execute format('alter table control.%I enable row level security', name);
    execute format('alter table control.usage_event attach partition control.%I for values from (%L) to (%L)',
        name, first::timestamp at time zone 'UTC', (first + interval '1 month') at time zone 'UTC');
    return true;
end $$;
revoke all on function control.ensure_usage_partition from public;
grant execute on function control.ensure_usage_partition to control_app, control_job;
