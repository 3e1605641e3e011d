-- Written by Budgets. What a tenant has used and what it has promised, in one row for each limited window, so that
-- "used + reserved never exceeds the limit" is one conditional update.
--   meter    'tokens', or 'feature:' and its name
--   span     'day' (UTC), 'period' (billing period of the time of use) or 'ever'
create table control.budget (
    tenant_id uuid not null,
    meter text not null,
    span text not null check (span in ('day', 'period', 'ever')),
    starts date not null,
    used bigint not null default 0,
    reserved bigint not null default 0 check (reserved >= 0),
    -- Below this use there is no alert to raise, so recording usage need not look (see raise_alerts).
    alert_at bigint not null default 1,
    primary key (tenant_id, meter, span, starts)
) with (fillfactor = 50);
select control.protect_tenant_rows('control.budget');
grant select, insert, update on control.budget to control_app, control_job;

-- The tokens an authorization holds until the usage event that names it settles it, or until it expires.
create table control.reservation (
    id uuid primary key,
    tenant_id uuid not null,
    user_id text not null,
    tokens bigint not null check (tokens >= 0),
    feature text,
    quantity bigint not null default 0 check (quantity >= 0),
    -- The windows it is held in.
    day date not null,
    period_start date not null,
    expires_at timestamptz not null,
    state text not null check (state in ('held', 'settled', 'expired'))
);
create index on control.reservation (tenant_id, expires_at) where state = 'held';
create index on control.reservation (tenant_id, user_id) where state = 'held';
create index on control.reservation (expires_at);
select control.protect_tenant_rows('control.reservation');
grant select, insert, update on control.reservation to control_app, control_job;
grant delete on control.reservation to control_job;

-- Same request_id, same answer.
create table control.authorization_answer (
    tenant_id uuid not null,
    request_id text not null,
    answer jsonb not null,
    answered_at timestamptz not null,
    primary key (tenant_id, request_id)
);
create index on control.authorization_answer (answered_at);
select control.protect_tenant_rows('control.authorization_answer');
grant select, insert on control.authorization_answer to control_app, control_job;
grant delete on control.authorization_answer to control_job;

-- Stricter limits the tenant sets for one of its users; user '*' stands for everyone without a row. null: no limit of its own.
create table control.user_limit (
    tenant_id uuid not null references control.tenant on delete cascade,
    user_id text not null check (length(user_id) between 1 and 200),
    tokens_per_day bigint check (tokens_per_day >= 0),
    tokens_per_month bigint check (tokens_per_month >= 0),
    models text[],
    updated_at timestamptz not null,
    primary key (tenant_id, user_id)
);
select control.protect_tenant_rows('control.user_limit');
grant select, insert, update, delete on control.user_limit to control_app, control_job;

-- Limits an operator set for one tenant. null takes the plan's.
create table control.budget_override (
    tenant_id uuid primary key references control.tenant on delete cascade,
    tokens_per_day bigint check (tokens_per_day >= 0),
    tokens_per_month bigint check (tokens_per_month >= 0),
    rag_files int check (rag_files >= 0),
    web_searches_per_month int check (web_searches_per_month >= 0),
    images_per_month int check (images_per_month >= 0),
    reason text not null,
    updated_at timestamptz not null
);
select control.protect_tenant_rows('control.budget_override');
grant select on control.budget_override to control_app;
grant select, insert, update, delete on control.budget_override to control_job;

-- One row for each alert: once per limit, window and step, written in the transaction that crosses the step. The job outbox announces it.
create table control.budget_alert (
    tenant_id uuid not null references control.tenant on delete cascade,
    meter text not null,
    span text not null,
    starts date not null,
    percent int not null,
    maximum bigint not null,
    -- Beyond it calls are denied; otherwise they are billed as overage.
    hard boolean not null,
    used bigint not null,
    raised_at timestamptz not null,
    announced_at timestamptz,
    primary key (tenant_id, meter, span, starts, percent)
);
create index on control.budget_alert (tenant_id) where announced_at is null;
select control.protect_tenant_rows('control.budget_alert');
grant select, insert on control.budget_alert to control_app;
grant select, insert, update on control.budget_alert to control_job;

-- For a user's own sums, which are read only where the tenant limits its users.
create index usage_counter_user on control.usage_counter (tenant_id, user_id, day);

-- The start of the billing period that holds a day; the same rule as Plans/BillingPeriod.cs.
create function control.period_start(anchor date, day date) returns date language sql immutable as $$
    select case when n > 0 and day < (anchor + make_interval(months => n))::date then (anchor + make_interval(months => n - 1))::date
                else (anchor + make_interval(months => n))::date end
    from (select greatest(0, (extract(year from day)::int - extract(year from anchor)::int) * 12 + extract(month from day)::int - extract(month from anchor)::int) as n) m
$$;

-- The start of the period after the one that starts on a day.
create function control.next_period_start(anchor date, period_start date) returns date language sql immutable as $$
    select (anchor + make_interval(months => (extract(year from period_start)::int - extract(year from anchor)::int) * 12
                                             + extract(month from period_start)::int - extract(month from anchor)::int + 1))::date
$$;

-- The windows that something is counted or held in. The one place that knows them.
create function control.windows_of(day date, period date, tokens bigint, feature text, quantity bigint)
returns table (meter text, span text, starts date, amount bigint) language sql immutable as $$
    select 'tokens', 'day', day, tokens
    union all select 'tokens', 'period', period, tokens
    union all select 'feature:' || feature, case feature when 'rag_file' then 'ever' else 'period' end,
                     case feature when 'rag_file' then date '1970-01-01' else period end, quantity where feature is not null
$$;

-- Usage of before this migration.
insert into control.budget (tenant_id, meter, span, starts, used)
select tenant_id, 'tokens', 'day', day, sum(prompt_tokens + completion_tokens) from control.usage_counter group by tenant_id, day
union all
select c.tenant_id, 'tokens', 'period', control.period_start(s.anchor, c.day), sum(c.prompt_tokens + c.completion_tokens)
from control.usage_counter c join control.subscription s on s.tenant_id = c.tenant_id
group by c.tenant_id, control.period_start(s.anchor, c.day);

-- The limits in force for a tenant: the plan's terms, an operator's override on top.
create function control.limits_of(tenant uuid, at timestamptz)
returns table (plan text, all_models boolean, anchor date, trial_ends_at timestamptz, tokens_per_day bigint, tokens_per_month bigint, month_is_hard boolean,
               rag_files bigint, web_searches bigint, images bigint)
language sql stable as $$
    select s.plan, p.all_models, s.anchor, s.trial_ends_at,
           coalesce(o.tokens_per_day, t.tokens_per_day), coalesce(o.tokens_per_month, t.tokens_per_month), t.month_is_hard,
           coalesce(o.rag_files, t.rag_files)::bigint, coalesce(o.web_searches_per_month, t.web_searches_per_month)::bigint,
           coalesce(o.images_per_month, t.images_per_month)::bigint
    from control.subscription s
    join control.plan p on p.name = s.plan
    join lateral (select * from control.plan_terms pt where pt.plan = s.plan and pt.effective_from <= at order by pt.effective_from desc limit 1) t on true
    left join control.budget_override o on o.tenant_id = s.tenant_id
    where s.tenant_id = tenant and s.status = 'active'
$$;

-- Raises the alerts whose step a budget has reached, and notes at which use to look again. Fired by the row itself, so it is in the transaction that
-- crosses the step whatever statement that was, and costs one comparison otherwise. A window that is over raises none.
create function control.raise_alerts() returns trigger language plpgsql as $$
declare
    now timestamptz := coalesce((select c.now from control.sandbox_clock c), now());
    today date := (now at time zone 'UTC')::date;
    most bigint;
    hard boolean;
begin
    select case new.meter when 'tokens' then case new.span when 'day' then l.tokens_per_day else l.tokens_per_month end
                          when 'feature:rag_file' then l.rag_files when 'feature:web_search' then l.web_searches when 'feature:image' then l.images end,
           new.meter <> 'tokens' or new.span <> 'period' or l.month_is_hard
    into most, hard from control.limits_of(new.tenant_id, now) l
    where new.starts >= case new.span when 'day' then today when 'period' then control.period_start(l.anchor, today) else new.starts end;

    insert into control.budget_alert (tenant_id, meter, span, starts, percent, maximum, hard, used, raised_at)
    select new.tenant_id, new.meter, new.span, new.starts, step, most, hard, new.used, now
    from unnest(array[50, 80, 100]) step where most > 0 and new.used * 100 >= most * step
    on conflict do nothing;
    if found then
        perform pg_notify('control_job', 'outbox');
    end if;
    update control.budget b
    set alert_at = coalesce((select min((most * step + 99) / 100) from unnest(array[50, 80, 100]) step where (most * step + 99) / 100 > new.used), 9223372036854775807)
    where b.tenant_id = new.tenant_id and b.meter = new.meter and b.span = new.span and b.starts = new.starts;
    return null;
end $$;
create trigger raise_alerts after insert or update of used on control.budget for each row when (new.used >= new.alert_at) execute function control.raise_alerts();

grant execute on function control.limits_of, control.period_start, control.next_period_start, control.windows_of to control_app, control_job;
