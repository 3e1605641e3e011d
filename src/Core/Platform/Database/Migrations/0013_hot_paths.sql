-- The id of an event is unique in its month by an index of the month's partition, instead of in a table of receipts that repeated every id and grew
-- without end. A redelivery has the same time and meets the index; that an id is not in another month is looked up before it is inserted, under the
-- tenant's billing lock. PostgreSQL has no unique index over partitions without their key, hence one for each.
-- Also an index of block ranges by time: a day of all tenants is read without the rest of its month.
do $$
declare p regclass;
begin
    for p in select inhrelid from pg_inherits where inhparent = 'control.usage_event'::regclass loop
        execute format('create unique index on %s (tenant_id, id)', p);
    end loop;
end $$;
create index on control.usage_event using brin (occurred_at) with (pages_per_range = 32, autosummarize = on);
drop table control.usage_receipt;

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
    execute format('create table control.%I partition of control.usage_event for values from (%L) to (%L)',
        name, first::timestamp at time zone 'UTC', (first + interval '1 month') at time zone 'UTC');
    execute format('create unique index on control.%I (tenant_id, id)', name);
    execute format('alter table control.%I enable row level security', name);
    return true;
end $$;

-- How often a tenant's day was added to. Written by Usage with the events; read by Aggregation.
create table control.usage_day (
    tenant_id uuid not null,
    day date not null,
    revision bigint not null,
    primary key (tenant_id, day)
) with (fillfactor = 50);
create index on control.usage_day (day);
select control.protect_tenant_rows('control.usage_day');
grant select, insert, update on control.usage_day to control_app, control_job;
insert into control.usage_day (tenant_id, day, revision) select tenant_id, day, 1 from control.usage_counter group by tenant_id, day;

-- The revision that daily usage was made from. Written by Aggregation: a day whose two revisions differ has changed.
create table control.rolled_up_day (
    tenant_id uuid not null,
    day date not null,
    revision bigint not null,
    primary key (tenant_id, day)
);
create index on control.rolled_up_day (day);
select control.protect_tenant_rows('control.rolled_up_day');
grant select, insert, update on control.rolled_up_day to control_job;

-- The same functions as before in another language: PostgreSQL parses and plans a function of SQL that it cannot inline at every call, and one of
-- plpgsql once for each session. These are called with every authorization and every delivery.
create or replace function control.period_start(anchor date, day date) returns date language plpgsql immutable as $$
declare
    n int := greatest(0, (extract(year from day)::int - extract(year from anchor)::int) * 12 + extract(month from day)::int - extract(month from anchor)::int);
    starts date := (anchor + make_interval(months => n))::date;
begin
    return case when n > 0 and day < starts then (anchor + make_interval(months => n - 1))::date else starts end;
end $$;

create or replace function control.next_period_start(anchor date, period_start date) returns date language plpgsql immutable as $$
begin
    return (anchor + make_interval(months => (extract(year from period_start)::int - extract(year from anchor)::int) * 12
                                             + extract(month from period_start)::int - extract(month from anchor)::int + 1))::date;
end $$;

create or replace function control.find_tenant_key(wanted bytea)
returns table (tenant_id uuid, key_id uuid, tenant_status text)
language plpgsql stable security definer set search_path = control, pg_temp as $$
begin
    return query select k.tenant_id, k.id, t.status from tenant_key k join tenant t on t.id = k.tenant_id where k.hash = wanted and k.revoked_at is null;
end $$;

-- Locks, and makes where missing, the budget rows of the windows that authorizations need, and of those that expired reservations are held in: in
-- one go, because taking some later would break the order. today and period are null to lock the latter only, at is null when nothing has
-- expired: then those who are held need not be read.
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

-- As in 0010, with what all requests of a tenant have in common looked up once for each tenant instead of for each request, and the budget of tokens
-- written once at the end: every further version of a row in one transaction makes the next one slower to find.
drop function control.authorize_one;
create or replace function control.authorize(requests jsonb, at timestamptz, holds interval) returns table (ordinal int, answer jsonb)
language plpgsql set plan_cache_mode = force_generic_plan as $$
declare
    item record;
    present uuid;
    today date := (at at time zone 'UTC')::date;
    tomorrow timestamptz := (today + 1)::timestamp at time zone 'UTC';
    -- Of the present tenant: what is denied whatever is asked, its limits, and the tokens used, reserved before and reserved here.
    closed jsonb;
    limits record;
    local_models_only boolean;
    has_user_limits boolean;
    period date;
    next_period timestamptz;
    day_used bigint;
    day_reserved bigint;
    period_used bigint;
    period_reserved bigint;
    held bigint := 0;
    -- Of the request.
    feature text;
    model record;
    person control.user_limit;
    tokens bigint;
    quantity bigint;
    feature_limit bigint;
    feature_row control.budget;
    user_day_used bigint;
    user_day_held bigint;
    user_period_used bigint;
    user_period_held bigint;
    -- Of the limit that denies: how much is wanted of it, what it allows, what is used of it for good, and when its window ends.
    denied text;
    wanted bigint;
    maximum bigint;
    used bigint;
    ends timestamptz;
    frees timestamptz;
    retry_at timestamptz;
begin
    for item in
        select (q.ordinality - 1)::int as place, q.value as request, q.value ->> 'request_id' as request_id, q.value ->> 'user' as user_name, k.tenant_id,
               k.tenant_status, array_agg(q.value ->> 'feature') over (partition by k.tenant_id) as features
        from jsonb_array_elements(requests) with ordinality q
        left join lateral control.find_tenant_key(decode(q.value ->> 'key', 'hex')) k on true
        order by k.tenant_id, q.ordinality
    loop
        ordinal := item.place;
        answer := null;
        if item.tenant_id is null then
            return next;
            continue;
        end if;

        if item.tenant_id is distinct from present then
            if held > 0 then
                perform control.reserve_tokens(present, today, period, held);
            end if;

            present := item.tenant_id;
            held := 0;
            perform set_config('app.current_tenant', present::text, true);
            select * into limits from control.limits_of(present, at);
            period := control.period_start(limits.anchor, today);
            next_period := control.next_period_start(limits.anchor, period)::timestamp at time zone 'UTC';
            -- The first one by its index, in which order tells the planner to look: those who are held are many, those who have expired few.
            select r.expires_at into frees from control.reservation r where r.tenant_id = present and r.state = 'held' order by r.expires_at limit 1;
            if frees <= at then
                perform control.lock_budgets(present, at, item.features, today, period);
                perform control.release_expired(present, at);
            else
                perform control.lock_budgets(present, null, item.features, today, period);
            end if;

            select max(b.used) filter (where b.span = 'day'), max(b.reserved) filter (where b.span = 'day'),
                   max(b.used) filter (where b.span = 'period'), max(b.reserved) filter (where b.span = 'period')
            into day_used, day_reserved, period_used, period_reserved
            from control.budget b
            where b.tenant_id = present and b.meter = 'tokens' and (b.span, b.starts) in (('day', today), ('period', period));
            select exists (select from control.billing_period p where p.tenant_id = present and p.stage = 'dunning'),
                   exists (select from control.user_limit u where u.tenant_id = present)
            into local_models_only, has_user_limits;
            closed := case
                when item.tenant_status in ('suspended', 'deleted') then control.deny('suspended')
                when limits.trial_ends_at <= at then control.deny('trial_expired')
                when limits.plan is null or not exists (select from control.environment e where e.tenant_id = present and e.state in ('ready', 'updating'))
                    then control.deny('environment_not_ready')
                when exists (select from control.billing_period p where p.tenant_id = present and p.stage = 'suspended') then control.deny('suspended')
            end;
        end if;

        -- A repeated request. Its twin held the locks that we hold now, so it is answered completely or not at all.
        select a.answer into answer from control.authorization_answer a where a.tenant_id = present and a.request_id = item.request_id;
        if answer is not null then
            return next;
            continue;
        end if;

        feature := item.request ->> 'feature';
        tokens := (item.request ->> 'estimated_tokens')::bigint;
        quantity := coalesce((item.request ->> 'quantity')::bigint, 0);
        feature_limit := case feature when 'rag_file' then limits.rag_files when 'web_search' then limits.web_searches when 'image' then limits.images end;
        person := null;
        if has_user_limits then
            select u.* into person from control.user_limit u where u.tenant_id = present and u.user_id in (item.user_name, '*') order by u.user_id = '*' limit 1;
        end if;

        answer := closed;
        if answer is null then
            select m.name, m.is_local into model from control.model m
            where m.name = item.request ->> 'model'
              and (limits.all_models or exists (select from control.plan_model pm where pm.plan = limits.plan and pm.model = m.name));
            answer := case
                when model.name is null then control.deny('model_not_in_plan')
                when local_models_only and not model.is_local then control.deny('model_restricted')
                when feature is not null and feature_limit = 0 then control.deny('feature_not_in_plan')
                when person.models is not null and not model.name = any (person.models) then control.deny('user_limit')
            end;
        end if;

        if answer is null then
            denied := null;
            wanted := tokens;
            feature_row := null;
            if feature is not null then
                select b.* into feature_row from control.windows_of(today, period, 0, feature, 0) w
                join control.budget b on b.tenant_id = present and b.meter = w.meter and b.span = w.span and b.starts = w.starts where w.meter <> 'tokens';
            end if;

            user_day_used := null;
            user_day_held := null;
            user_period_used := null;
            user_period_held := null;
            if coalesce(person.tokens_per_day, person.tokens_per_month) is not null then
                -- Of one snapshot: a reservation is either still held here or already counted there.
                select coalesce(sum(c.counted) filter (where c.day = today), 0), coalesce(sum(c.held) filter (where c.day = today), 0),
                       coalesce(sum(c.counted), 0), coalesce(sum(c.held), 0)
                into user_day_used, user_day_held, user_period_used, user_period_held
                from (select u.day, u.prompt_tokens + u.completion_tokens as counted, 0 as held from control.usage_counter u
                      where u.tenant_id = present and u.user_id = item.user_name and u.day >= period
                      union all
                      select r.day, 0, r.tokens from control.reservation r
                      where r.tenant_id = present and r.user_id = item.user_name and r.state = 'held' and r.period_start = period) c;
            end if;

            if day_used + day_reserved + held + tokens > limits.tokens_per_day then
                denied := 'daily_limit'; maximum := limits.tokens_per_day; used := day_used; ends := tomorrow;
            elsif limits.month_is_hard and period_used + period_reserved + held + tokens > limits.tokens_per_month then
                denied := 'monthly_limit'; maximum := limits.tokens_per_month; used := period_used; ends := next_period;
            elsif user_day_used + user_day_held + tokens > person.tokens_per_day then
                denied := 'user_limit'; maximum := person.tokens_per_day; used := user_day_used; ends := tomorrow;
            elsif user_period_used + user_period_held + tokens > person.tokens_per_month then
                denied := 'user_limit'; maximum := person.tokens_per_month; used := user_period_used; ends := next_period;
            elsif feature_row.used + feature_row.reserved + quantity > feature_limit then
                denied := 'feature_limit'; maximum := feature_limit; used := feature_row.used; wanted := quantity;
                ends := case feature_row.span when 'period' then next_period end;
            end if;

            if denied is not null then
                -- What is held may come free before the window ends; what is used does not, and what is larger than the limit never fits.
                select r.expires_at into frees from control.reservation r
                where r.tenant_id = present and r.state = 'held' and r.expires_at > at and case denied
                    when 'daily_limit' then r.day = today when 'monthly_limit' then r.period_start = period
                    when 'user_limit' then r.user_id = item.user_name else feature_row.meter = 'feature:' || r.feature end
                order by r.expires_at limit 1;
                retry_at := case when wanted <= maximum then case when used + wanted <= maximum then least(frees, ends) else ends end end;
                answer := control.deny(denied, case when limits.trial_ends_at <= retry_at then null else retry_at end);
            end if;
        end if;

        if answer is null then
            held := held + tokens;
            if feature is not null then
                update control.budget b set reserved = b.reserved + quantity
                where b.tenant_id = present and b.meter = feature_row.meter and b.span = feature_row.span and b.starts = feature_row.starts;
            end if;

            insert into control.reservation (id, tenant_id, user_id, tokens, feature, quantity, day, period_start, expires_at, state)
            values ((item.request ->> 'reservation')::uuid, present, item.user_name, tokens, feature, quantity, today, period, at + holds, 'held');
            answer := jsonb_build_object('allow', true, 'reservation_id', item.request ->> 'reservation', 'expires_at', at + holds, 'remaining', least(
                limits.tokens_per_day - day_used - day_reserved - held,
                case when limits.month_is_hard then limits.tokens_per_month - period_used - period_reserved - held end,
                person.tokens_per_day - user_day_used - user_day_held - tokens, person.tokens_per_month - user_period_used - user_period_held - tokens));
            answer := jsonb_strip_nulls(answer);
        end if;

        insert into control.authorization_answer (tenant_id, request_id, answer, answered_at) values (present, item.request_id, answer, at) on conflict do nothing;
        return next;
    end loop;

    if held > 0 then
        perform control.reserve_tokens(present, today, period, held);
    end if;
end $$;

-- Reserves tokens of the present day and period, under the locks that authorize has taken.
create function control.reserve_tokens(tenant uuid, today date, period date, amount bigint) returns void language plpgsql as $$
begin
    update control.budget b set reserved = b.reserved + amount
    where b.tenant_id = tenant and b.meter = 'tokens' and (b.span, b.starts) in (('day', today), ('period', period));
end $$;
grant execute on function control.reserve_tokens to control_app, control_job;
