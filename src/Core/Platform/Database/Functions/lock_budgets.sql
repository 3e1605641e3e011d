-- Limits: locks the budget rows of the windows that authorizations need, and of those that expired reservations are held in, and creates missing ones.
-- All in one statement: acquiring some of the locks later would break their order. Null today and period lock only the windows of expired
-- reservations; null at means that none has expired, so reservations need not be read.
create or replace function control.lock_budgets(tenant uuid, at timestamptz, features text[], today date, period date) returns void language plpgsql as $$
declare
    meters text[];
    spans text[];
    days date[];
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

    if exists (select from unnest(meters, spans, days) n (meter, span, starts) where not exists (
            select from control.budget b where b.tenant_id = tenant and b.meter = n.meter and b.span = n.span and b.starts = n.starts)) then
        insert into control.budget as b (tenant_id, meter, span, starts)
        select tenant, n.meter, n.span, n.starts from unnest(meters, spans, days) n (meter, span, starts) order by n.meter, n.span, n.starts
        on conflict (tenant_id, meter, span, starts) do update set reserved = b.reserved;
    else
        perform from control.budget b join unnest(meters, spans, days) n (meter, span, starts) using (meter, span, starts)
        where b.tenant_id = tenant order by b.meter, b.span, b.starts for update of b;
    end if;
end $$;
grant execute on function control.lock_budgets to control_app, control_job;
