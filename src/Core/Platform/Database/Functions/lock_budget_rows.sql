-- Limits: locks the budget rows of the windows that authorizations need, and of those that expired reservations are held in, and creates missing ones.
-- All in one statement: acquiring some of the locks later would break their order. Null today and period lock only the windows of expired
-- reservations; null at means that none has expired, so reservations need not be read.
--
-- Without wait it returns false as soon as another transaction holds one of the rows or is creating it. What it has locked by then stays locked until
-- the caller's transaction ends; it waits for nothing, so the order of the locks does not matter.
create or replace function control.lock_budget_rows(tenant uuid, at timestamptz, features text[], today date, period date, wait boolean) returns boolean
language plpgsql as $$
declare
    meters text[];
    spans text[];
    days date[];
    missing boolean;
    locked bigint;
begin
    select array_agg(n.meter order by n.meter, n.span, n.starts), array_agg(n.span order by n.meter, n.span, n.starts),
           array_agg(n.starts order by n.meter, n.span, n.starts)
    into meters, spans, days
    from (
        select w.meter, w.span, w.starts from unnest(array_append(features, null)) f, control.windows_of(today, period, 0, f, 0) w where period is not null
        union
        select w.meter, w.span, w.starts from control.reservation r, control.windows_of(r.day, r.period_start, r.tokens, r.feature, r.quantity) w
        where at is not null and r.tenant_id = tenant and r.state = 'held' and r.expires_at <= at
    ) n;
    missing := exists (select from unnest(meters, spans, days) n (meter, span, starts) where not exists (
        select from control.budget b where b.tenant_id = tenant and b.meter = n.meter and b.span = n.span and b.starts = n.starts));

    if wait and missing then
        insert into control.budget as b (tenant_id, meter, span, starts)
        select tenant, n.meter, n.span, n.starts from unnest(meters, spans, days) n (meter, span, starts) order by n.meter, n.span, n.starts
        on conflict (tenant_id, meter, span, starts) do update set reserved = b.reserved;
        return true;
    end if;

    if wait then
        perform from control.budget b join unnest(meters, spans, days) n (meter, span, starts) using (meter, span, starts)
        where b.tenant_id = tenant order by b.meter, b.span, b.starts for update of b;
        return true;
    end if;

    if missing then
        -- An insert waits for a transaction that is creating the same row. A subtransaction costs little here: rows are missing once per window.
        declare
            lock_timeout text := current_setting('lock_timeout');
        begin
            perform set_config('lock_timeout', '10ms', true);
            insert into control.budget (tenant_id, meter, span, starts)
            select tenant, n.meter, n.span, n.starts from unnest(meters, spans, days) n (meter, span, starts) order by n.meter, n.span, n.starts
            on conflict (tenant_id, meter, span, starts) do nothing;
            perform set_config('lock_timeout', lock_timeout, true);
        exception when lock_not_available then
            return false;
        end;
    end if;

    select count(*) into locked from (
        select from control.budget b join unnest(meters, spans, days) n (meter, span, starts) using (meter, span, starts)
        where b.tenant_id = tenant for update of b skip locked) l;
    return locked = coalesce(cardinality(meters), 0);
end $$;
grant execute on function control.lock_budget_rows to control_app, control_job;
