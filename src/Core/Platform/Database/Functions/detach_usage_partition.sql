-- Metering: detaches a month of usage events whose retention is over. The table stays, out of reach of the roles that serve tenants and run jobs, for its
-- owner to export and drop. Called by the job retention. Runs as the owner of control.usage_event.
-- Returns 'detached'; 'not_invoiced' while an invoice is missing that carries one of the month's events; 'busy' when the table cannot be locked soon:
-- ingestion waits behind this lock, so it is not waited for.
create or replace function control.detach_usage_partition(month date) returns text
language plpgsql security definer set search_path = control, pg_temp set lock_timeout = '200ms' as $$
declare
    first date := date_trunc('month', month)::date;
    next date := (first + interval '1 month')::date;
    name text := 'usage_event_' || to_char(first, 'YYYY_MM');
    not_invoiced boolean;
begin
    perform pg_advisory_xact_lock(hashtextextended('control.usage_event partitions', 0));
    execute format('select exists (select from subscription s where s.status = ''active'' and (nth_period_start(s.anchor, s.open_period) < %L
        or exists (select from control.%I e where e.tenant_id = s.tenant_id and e.period >= s.open_period)))', next, name) into not_invoiced;
    if not_invoiced then
        return 'not_invoiced';
    end if;
    execute format('alter table control.usage_event detach partition control.%I', name);
    return 'detached';
exception when lock_not_available then
    return 'busy';
end $$;
revoke all on function control.detach_usage_partition from public;
grant execute on function control.detach_usage_partition to control_job;
