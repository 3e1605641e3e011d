-- May this call go ahead? One round trip answers any number of requests, of any tenants. Called only by Budgets/Authorize.cs.
--
-- A tenant's budget rows are locked all at once, in the order of their key, as ingestion does; all checks and reservations happen under these locks,
-- so counted + reserved never exceeds a hard limit. Expired reservations are given back first; one that ingestion is settling at
-- this moment is skipped rather than waited for, because ingestion holds its row before it asks for the budget's.

create function control.deny(reason text, retry_at timestamptz default null) returns jsonb language sql immutable as $$
    select jsonb_strip_nulls(jsonb_build_object('allow', false, 'reason', reason, 'retry_at', retry_at))
$$;

-- Locks, and makes where missing, the budget rows of the windows that authorizations need, and of those that expired reservations are held in: in
-- one go, because taking some later would break the order. today and period are null to lock the latter only.
create function control.lock_budgets(tenant uuid, at timestamptz, features text[], today date, period date) returns void language plpgsql as $$
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
        where r.tenant_id = tenant and r.state = 'held' and r.expires_at <= at
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

-- Gives back what expired reservations hold, under the locks above.
create function control.release_expired(tenant uuid, at timestamptz) returns int language plpgsql as $$
declare
    expired int;
begin
    with due as (
        select id from control.reservation where tenant_id = tenant and state = 'held' and expires_at <= at for update skip locked
    ), gone as (
        update control.reservation r set state = 'expired' from due where r.id = due.id returning r.day, r.period_start, r.tokens, r.feature, r.quantity
    ), released as (
        select w.meter, w.span, w.starts, sum(w.amount) as amount
        from gone, control.windows_of(gone.day, gone.period_start, gone.tokens, gone.feature, gone.quantity) w
        group by w.meter, w.span, w.starts
    ), given_back as (
        update control.budget b set reserved = b.reserved - released.amount from released
        where b.tenant_id = tenant and b.meter = released.meter and b.span = released.span and b.starts = released.starts
    )
    select count(*) into expired from gone;
    return expired;
end $$;

-- Answers one request. Its tenant's budget rows are locked, and what has expired is given back.
create function control.authorize_one(tenant uuid, tenant_status text, request jsonb, reservation uuid, at timestamptz, holds interval) returns jsonb
language plpgsql as $$
declare
    asked_id text := request ->> 'request_id';
    user_name text := request ->> 'user';
    model_name text := request ->> 'model';
    tokens bigint := (request ->> 'estimated_tokens')::bigint;
    feature text := request ->> 'feature';
    quantity bigint := coalesce((request ->> 'quantity')::bigint, 0);
    today date := (at at time zone 'UTC')::date;
    tomorrow timestamptz := (today + 1)::timestamp at time zone 'UTC';
    limits record;
    person record;
    feature_limit bigint;
    period date;
    next_period timestamptz;
    day_row control.budget;
    period_row control.budget;
    feature_row control.budget;
    user_day_used bigint;
    user_day_held bigint;
    user_period_used bigint;
    user_period_held bigint;
    denied text;
    -- Of the limit that denies: how much is wanted of it, what it allows, what is used of it for good, and when its window ends.
    wanted bigint := tokens;
    maximum bigint;
    used bigint;
    ends timestamptz;
    frees timestamptz;
    retry_at timestamptz;
    answer jsonb;
begin
    -- A repeated request. Its twin held the locks that we hold now, so it is answered completely or not at all.
    select a.answer into answer from control.authorization_answer a where a.tenant_id = tenant and a.request_id = asked_id;
    if answer is not null then
        return answer;
    end if;

    select * into limits from control.limits_of(tenant, at);
    period := control.period_start(limits.anchor, today);
    next_period := control.next_period_start(limits.anchor, period)::timestamp at time zone 'UTC';
    select * into person from control.user_limit u where u.tenant_id = tenant and u.user_id in (user_name, '*') order by u.user_id = '*' limit 1;
    feature_limit := case feature when 'rag_file' then limits.rag_files when 'web_search' then limits.web_searches when 'image' then limits.images end;

    answer := case
        when tenant_status in ('suspended', 'deleted') then control.deny('suspended')
        when limits.trial_ends_at <= at then control.deny('trial_expired')
        when limits.plan is null or not exists (select from control.environment e where e.tenant_id = tenant and e.state in ('ready', 'updating'))
            then control.deny('environment_not_ready')
        when not exists (select from control.model m where m.name = model_name and (limits.all_models
                or exists (select from control.plan_model pm where pm.plan = limits.plan and pm.model = m.name))) then control.deny('model_not_in_plan')
        when exists (select from control.billing_period p where p.tenant_id = tenant and p.stage = 'suspended') then control.deny('suspended')
        when exists (select from control.billing_period p where p.tenant_id = tenant and p.stage = 'dunning')
            and not (select m.is_local from control.model m where m.name = model_name) then control.deny('model_restricted')
        when feature is not null and feature_limit = 0 then control.deny('feature_not_in_plan')
        when person.models is not null and not model_name = any (person.models) then control.deny('user_limit')
    end;

    if answer is null then
        select * into day_row from control.budget b where b.tenant_id = tenant and b.meter = 'tokens' and b.span = 'day' and b.starts = today;
        select * into period_row from control.budget b where b.tenant_id = tenant and b.meter = 'tokens' and b.span = 'period' and b.starts = period;
        if feature is not null then
            select b.* into feature_row from control.windows_of(today, period, 0, feature, 0) w
            join control.budget b on b.tenant_id = tenant and b.meter = w.meter and b.span = w.span and b.starts = w.starts where w.meter <> 'tokens';
        end if;

        if coalesce(person.tokens_per_day, person.tokens_per_month) is not null then
            -- Of one snapshot: a reservation is either still held here or already counted there.
            select coalesce(sum(c.counted) filter (where c.day = today), 0), coalesce(sum(c.held) filter (where c.day = today), 0),
                   coalesce(sum(c.counted), 0), coalesce(sum(c.held), 0)
            into user_day_used, user_day_held, user_period_used, user_period_held
            from (select u.day, u.prompt_tokens + u.completion_tokens as counted, 0 as held from control.usage_counter u
                  where u.tenant_id = tenant and u.user_id = user_name and u.day >= period
                  union all
                  select r.day, 0, r.tokens from control.reservation r
                  where r.tenant_id = tenant and r.user_id = user_name and r.state = 'held' and r.period_start = period) c;
        end if;

        if day_row.used + day_row.reserved + tokens > limits.tokens_per_day then
            denied := 'daily_limit'; maximum := limits.tokens_per_day; used := day_row.used; ends := tomorrow;
        elsif limits.month_is_hard and period_row.used + period_row.reserved + tokens > limits.tokens_per_month then
            denied := 'monthly_limit'; maximum := limits.tokens_per_month; used := period_row.used; ends := next_period;
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
            select min(r.expires_at) into frees from control.reservation r
            where r.tenant_id = tenant and r.state = 'held' and r.expires_at > at and case denied
                when 'daily_limit' then r.day = today when 'monthly_limit' then r.period_start = period
                when 'user_limit' then r.user_id = user_name else feature_row.meter = 'feature:' || r.feature end;
            retry_at := case when wanted <= maximum then case when used + wanted <= maximum then least(frees, ends) else ends end end;
            answer := control.deny(denied, case when limits.trial_ends_at <= retry_at then null else retry_at end);
        end if;
    end if;

    if answer is null then
        update control.budget b set reserved = b.reserved + w.amount from control.windows_of(today, period, tokens, feature, quantity) w
        where b.tenant_id = tenant and b.meter = w.meter and b.span = w.span and b.starts = w.starts;
        insert into control.reservation (id, tenant_id, user_id, tokens, feature, quantity, day, period_start, expires_at, state)
        values (reservation, tenant, user_name, tokens, feature, quantity, today, period, at + holds, 'held');
        answer := jsonb_strip_nulls(jsonb_build_object('allow', true, 'reservation_id', reservation, 'expires_at', at + holds, 'remaining', least(
            limits.tokens_per_day - day_row.used - day_row.reserved,
            case when limits.month_is_hard then limits.tokens_per_month - period_row.used - period_row.reserved end,
            person.tokens_per_day - user_day_used - user_day_held, person.tokens_per_month - user_period_used - user_period_held) - tokens));
    end if;

    insert into control.authorization_answer (tenant_id, request_id, answer, answered_at)
    values (tenant, asked_id, answer, at) on conflict do nothing;
    return answer;
end $$;

-- requests: [{key (hex of the key's hash), reservation, request_id, user, model, estimated_tokens, feature?, quantity?}]. In the order of tenants,
-- so that two batches wait for each other instead of dead-locking. answer is null for an unknown or revoked key.
create function control.authorize(requests jsonb, at timestamptz, holds interval) returns table (ordinal int, answer jsonb)
language plpgsql as $$
declare
    item record;
    present uuid;
    today date := (at at time zone 'UTC')::date;
begin
    for item in
        select (q.ordinality - 1)::int as ordinal, q.value as request, k.tenant_id, k.tenant_status,
               array_agg(q.value ->> 'feature') over (partition by k.tenant_id) as features
        from jsonb_array_elements(requests) with ordinality q
        left join lateral control.find_tenant_key(decode(q.value ->> 'key', 'hex')) k on true
        order by k.tenant_id, q.ordinality
    loop
        if item.tenant_id is distinct from present and item.tenant_id is not null then
            present := item.tenant_id;
            perform set_config('app.current_tenant', present::text, true);
            perform control.lock_budgets(present, at, item.features, today,
                (select control.period_start(s.anchor, today) from control.subscription s where s.tenant_id = present and s.status = 'active'));
            perform control.release_expired(present, at);
        end if;

        ordinal := item.ordinal;
        answer := case when item.tenant_id is not null then control.authorize_one(
            item.tenant_id, item.tenant_status, item.request, (item.request ->> 'reservation')::uuid, at, holds) end;
        return next;
    end loop;
end $$;

grant execute on function control.deny, control.lock_budgets, control.release_expired, control.authorize_one, control.authorize to control_app, control_job;
