-- May this call go ahead? One round trip answers any number of requests, of any tenants. Called only by Budgets/Authorize.cs.
--
-- The windows' budget rows are locked in the order of their key, as ingestion does; all checks and the reservation happen under these locks,
-- so counted + reserved never exceeds a hard limit. Expired reservations are given back first; one that ingestion is settling at
-- this moment is skipped rather than waited for, because ingestion holds its row before it asks for the budget's.

create function control.deny(reason text, retry_at timestamptz default null) returns jsonb language sql immutable as $$
    select jsonb_strip_nulls(jsonb_build_object('allow', false, 'reason', reason, 'retry_at', retry_at))
$$;

-- Locks, in the order of their keys, the budget rows that an authorization needs and those that expired reservations are held in: all at once,
-- because taking some later would break the order.
create function control.lock_budgets(tenant uuid, at timestamptz, feature text, today date, period date) returns void language plpgsql as $$
begin
    perform from control.budget b
    where b.tenant_id = tenant and (
        (b.meter = 'tokens' and ((b.span = 'day' and b.starts = today) or (b.span = 'period' and b.starts = period)))
        or (b.meter = 'feature:' || feature and (b.span = 'ever' or b.starts = period))
        or exists (
            select from control.reservation r where r.tenant_id = tenant and r.state = 'held' and r.expires_at <= at
            and (b.meter = 'tokens' or b.meter = 'feature:' || r.feature)
            and ((b.span = 'day' and b.starts = r.day) or (b.span = 'period' and b.starts = r.period_start) or b.span = 'ever')))
    order by b.meter, b.span, b.starts
    for update;
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
        select meter, span, starts, sum(amount) as amount from (
            select 'tokens' as meter, 'day' as span, day as starts, tokens as amount from gone
            union all select 'tokens', 'period', period_start, tokens from gone
            union all select 'feature:' || feature, case feature when 'rag_file' then 'ever' else 'period' end,
                             case feature when 'rag_file' then date '1970-01-01' else period_start end, quantity from gone where feature is not null) held
        group by meter, span, starts
    ), given_back as (
        update control.budget b set reserved = b.reserved - released.amount from released
        where b.tenant_id = tenant and b.meter = released.meter and b.span = released.span and b.starts = released.starts
    )
    select count(*) into expired from gone;
    return expired;
end $$;

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
    user_day bigint;
    user_period bigint;
    frees timestamptz;
    left_over bigint;
    answer jsonb;
begin
    perform set_config('app.current_tenant', tenant::text, true);
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
        insert into control.budget (tenant_id, meter, span, starts)
        select tenant, w.meter, w.span, w.starts
        from (values ('feature:' || feature, case feature when 'rag_file' then 'ever' else 'period' end, case feature when 'rag_file' then date '1970-01-01' else period end),
                     ('tokens', 'day', today), ('tokens', 'period', period)) as w (meter, span, starts)
        where w.meter is not null order by w.meter, w.span, w.starts
        on conflict do nothing;
        perform control.lock_budgets(tenant, at, feature, today, period);
        perform control.release_expired(tenant, at);
        if feature is not null then
            select * into feature_row from control.budget b
            where b.tenant_id = tenant and b.meter = 'feature:' || feature and b.span = case feature when 'rag_file' then 'ever' else 'period' end
              and b.starts = case feature when 'rag_file' then date '1970-01-01' else period end;
        end if;
        select * into day_row from control.budget b where b.tenant_id = tenant and b.meter = 'tokens' and b.span = 'day' and b.starts = today;
        select * into period_row from control.budget b where b.tenant_id = tenant and b.meter = 'tokens' and b.span = 'period' and b.starts = period;

        -- A twin of this request may have been answered while we waited for the lock.
        select a.answer into answer from control.authorization_answer a where a.tenant_id = tenant and a.request_id = asked_id;
        if answer is not null then
            return answer;
        end if;

        if coalesce(person.tokens_per_day, person.tokens_per_month) is not null then
            -- One snapshot: a reservation is either still held here or already counted there.
            select coalesce(sum(c.amount) filter (where c.day = today), 0), coalesce(sum(c.amount), 0) into user_day, user_period
            from (select u.day, u.prompt_tokens + u.completion_tokens as amount from control.usage_counter u
                  where u.tenant_id = tenant and u.user_id = user_name and u.day >= period
                  union all
                  select r.day, r.tokens from control.reservation r
                  where r.tenant_id = tenant and r.user_id = user_name and r.state = 'held' and r.period_start = period) c;
        end if;

        select min(r.expires_at) into frees from control.reservation r where r.tenant_id = tenant and r.state = 'held';
        answer := case
            when day_row.used + day_row.reserved + tokens > limits.tokens_per_day then control.deny('daily_limit', case
                when tokens > limits.tokens_per_day then null
                when day_row.used + tokens <= limits.tokens_per_day then least(frees, tomorrow) else tomorrow end)
            when limits.month_is_hard and period_row.used + period_row.reserved + tokens > limits.tokens_per_month then control.deny('monthly_limit', case
                when tokens > limits.tokens_per_month then null
                when period_row.used + tokens <= limits.tokens_per_month then least(frees, next_period)
                when limits.trial_ends_at <= next_period then null else next_period end)
            when user_day + tokens > person.tokens_per_day then control.deny('user_limit', case when tokens <= person.tokens_per_day then tomorrow end)
            when user_period + tokens > person.tokens_per_month then control.deny('user_limit', case when tokens <= person.tokens_per_month then next_period end)
            when feature is not null and feature_row.used + feature_row.reserved + quantity > feature_limit then control.deny('feature_limit', case
                when quantity > feature_limit then null
                when feature_row.used + quantity <= feature_limit then frees
                when feature = 'rag_file' then null else next_period end)
        end;
    end if;

    if answer is null then
        left_over := least(
            limits.tokens_per_day - day_row.used - day_row.reserved,
            case when limits.month_is_hard then limits.tokens_per_month - period_row.used - period_row.reserved end,
            person.tokens_per_day - user_day, person.tokens_per_month - user_period);
        update control.budget b set reserved = b.reserved + tokens
        where b.tenant_id = tenant and b.meter = 'tokens' and ((b.span = 'day' and b.starts = today) or (b.span = 'period' and b.starts = period));
        if feature is not null then
            update control.budget b set reserved = b.reserved + quantity
            where b.tenant_id = tenant and b.meter = feature_row.meter and b.span = feature_row.span and b.starts = feature_row.starts;
        end if;
        insert into control.reservation (id, tenant_id, user_id, tokens, feature, quantity, day, period_start, expires_at, state)
        values (reservation, tenant, user_name, tokens, feature, quantity, today, period, at + holds, 'held');
        answer := jsonb_strip_nulls(jsonb_build_object(
            'allow', true, 'reservation_id', reservation, 'expires_at', at + holds, 'remaining', left_over - tokens));
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
begin
    for item in
        select (q.ordinality - 1)::int as ordinal, q.value as request, k.tenant_id, k.tenant_status
        from jsonb_array_elements(requests) with ordinality q
        left join lateral control.find_tenant_key(decode(q.value ->> 'key', 'hex')) k on true
        order by k.tenant_id, q.ordinality
    loop
        ordinal := item.ordinal;
        answer := case when item.tenant_id is not null then control.authorize_one(
            item.tenant_id, item.tenant_status, item.request, (item.request ->> 'reservation')::uuid, at, holds) end;
        return next;
    end loop;
end $$;

grant execute on function control.deny, control.lock_budgets, control.release_expired, control.authorize_one, control.authorize to control_app, control_job;
