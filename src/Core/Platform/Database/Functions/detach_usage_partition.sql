-- Metering: detaches a month of usage events whose retention is over. The table stays, out of reach of the roles that serve tenants and run jobs, for its
-- owner to export and drop. Called by the job retention. Runs as the owner of control.usage_event.
-- Returns 'detached'; 'not_invoiced' while an invoice is missing that carries one of the month's events or is computed from them; 'busy' when a lock is not free: ingestion and
-- invoicing wait behind these locks, so none of them is waited for.
create or replace function control.detach_usage_partition(month date) returns text
language plpgsql security definer set search_path = control, pg_temp set lock_timeout = '200ms' as $$
declare
    first date := date_trunc('month', month)::date;
    next date := (first + interval '1 month')::date;
    name text := 'usage_event_' || to_char(first, 'YYYY_MM');
    not_invoiced boolean;
    revisions numeric;
begin
    perform pg_advisory_xact_lock(hashtextextended('control.usage_event partitions', 0));
    select sum(d.revision) into revisions from usage_day d where d.day >= first and d.day < next;
    -- It may read the whole month, so it is done before ingestion is kept out.
    execute format('select exists (select from subscription s where s.status = ''active'' and exists (select from control.%I e
        where e.tenant_id = s.tenant_id and (nth_period_start(s.anchor, s.open_period) < %L or e.period >= s.open_period)))', name, next) into not_invoiced;
    if not_invoiced then
        return 'not_invoiced';
    end if;

    -- Transactions that count events of the month or read them for an invoice hold locks on it until they end. After that, none can begin.
    execute format('lock table control.usage_event, control.%I in access exclusive mode', name);
    -- Every counted event raises its day's revision: what was found above is still true.
    if revisions is distinct from (select sum(d.revision) from usage_day d where d.day >= first and d.day < next) then
        return 'busy';
    end if;

    execute format('alter table control.usage_event detach partition control.%I', name);
    return 'detached';
exception when lock_not_available then
    return 'busy';
end $$;
revoke all on function control.detach_usage_partition from public;
grant execute on function control.detach_usage_partition to control_job;
