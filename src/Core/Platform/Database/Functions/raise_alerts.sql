-- Limits: the trigger of control.budget that raises an alert for each step which usage has reached, and stores at which usage the next check is due. It
-- runs in the transaction that crosses the step, whichever statement that was, and costs one comparison otherwise. A window that has ended raises none.
create or replace function control.raise_alerts() returns trigger language plpgsql as $$
declare
    now timestamptz := coalesce((select c.now from control.sandbox_clock c), now());
    today date := (now at time zone 'UTC')::date;
    maximum bigint;
    hard boolean;
    spend record;
    -- EUR.
    spent numeric;
begin
    select case new.meter when 'tokens' then case new.span when 'day' then l.tokens_per_day else l.tokens_per_month end
                          when 'feature:rag_file' then l.rag_files when 'feature:web_search' then l.web_searches when 'feature:image' then l.images end,
           new.meter <> 'tokens' or new.span <> 'period' or l.month_is_hard
    into maximum, hard from control.limits_of(new.tenant_id, now) l
    where new.starts >= case new.span when 'day' then today when 'period' then control.period_start(l.anchor, today) else new.starts end;

    -- No row for other windows.
    select s.limit_eur, s.spent_eur, s.eur_per_1000, s.included into spend from control.spend_of(new.tenant_id, now) s
    where new.meter = 'tokens' and new.span = 'period' and maximum is not null and s.limit_eur > 0 and s.eur_per_1000 > 0 and s.included is not null;
    spent := spend.spent_eur + greatest(0, new.used - spend.included) * spend.eur_per_1000 / 1000;

    insert into control.budget_alert (tenant_id, meter, span, starts, percent, maximum, hard, used, raised_at)
    select new.tenant_id, new.meter, new.span, new.starts, step, maximum, hard, new.used, now
    from unnest(array[50, 80, 100]) step where maximum > 0 and new.used * 100 >= maximum * step
    union all
    -- In cents.
    select new.tenant_id, 'spend', new.span, new.starts, step, (spend.limit_eur * 100)::bigint, true, floor(spent * 100)::bigint, now
    from unnest(array[80, 100]) step where spent * 100 >= spend.limit_eur * step
    on conflict do nothing;
    if found then
        perform pg_notify('control_job', 'alerts');
    end if;
    update control.budget b
    set alert_at = coalesce((
        select min(due.tokens) from (
            select (maximum * step + 99) / 100 as tokens from unnest(array[50, 80, 100]) step
            union all
            select spend.included + ceil((spend.limit_eur * step / 100 - spend.spent_eur) * 1000 / spend.eur_per_1000)::bigint
            from unnest(array[80, 100]) step where spend.limit_eur * step / 100 > spend.spent_eur) due
        where due.tokens > new.used), 9223372036854775807)
    where b.tenant_id = new.tenant_id and b.meter = new.meter and b.span = new.span and b.starts = new.starts;
    return null;
end $$;
