-- Written by Metering and Billing. Sums must hold whatever a tenant reports: a counter that overflows fails every delivery, also those of other tenants that share
-- its transaction, and an invoice line that overflows keeps the period from being closed. More digits before the point rewrite no table. The view
-- control.daily_usage_summary depends on a column, so it is created again, with the rights on it.
do $$
declare
    rights text[] := array(
        select format('grant %s on control.daily_usage_summary to %s%s', a.privilege_type, case when a.grantee = 0 then 'public' else a.grantee::regrole::text end,
                      case when a.is_grantable then ' with grant option' else '' end)
        from pg_class c cross join aclexplode(c.relacl) a where c.oid = 'control.daily_usage_summary'::regclass and a.grantee <> c.relowner);
    statement text;
begin
    drop view control.daily_usage_summary;

    alter table control.usage_counter alter column cost type numeric(28, 9);
    alter table control.daily_usage alter column cost type numeric(28, 9);
    -- As many as bigint has, in which tokens are counted.
    alter table control.invoice_line alter column quantity type numeric(28, 6);

    create view control.daily_usage_summary with (security_invoker = true) as
    select user_id, day as usage_date, model, sum(prompt_tokens + completion_tokens)::bigint as total_tokens,
           sum(cost) as total_cost, sum(requests)::bigint as request_count
    from control.daily_usage
    group by tenant_id, user_id, day, model;

    foreach statement in array rights loop
        execute statement;
    end loop;
end $$;

-- Written by Metering. The tenants of a batch take turns, each in the order of arrival.
create index quarantine_replay_by_tenant on control.quarantine (code, tenant_id, received_at, id) where state = 'held';
drop index control.quarantine_replay;

-- Written by Metering. How much usage a tenant has reported on a UTC day, of receipt and not of the events: its quota is measured against it. Changed in the
-- transaction of the events, under the tenant's billing lock.
create table control.usage_received (
    tenant_id uuid not null,
    day date not null,
    -- Counted and rejected ones. Duplicates store nothing.
    events bigint not null,
    -- Rows that they added to usage_counter.
    counters bigint not null,
    primary key (tenant_id, day)
) with (fillfactor = 70);
select control.protect_tenant_rows('control.usage_received');
grant select, insert, update on control.usage_received to control_app, control_job;
grant delete on control.usage_received to control_job;
