-- Limits: may these calls go ahead? One round trip answers any number of requests of any tenants. Called only by Authorize.cs.
--
--   requests  [{key (hex of the key's hash), reservation, request_id, user, model, estimated_tokens, feature?, quantity?, wait?, max_held?, usage_events?, usage_maximum?, shared_places?}]
--             wait: whether to wait for a tenant whose budget rows another transaction has locked; default true, which is what the former release expects
--             max_held: how many reservations a tenant may hold at the same time
--             usage_events, usage_maximum: as for usage_quota; null: any number
--             shared_places: calls of all unapproved tenants to a shared Ollama at the same time, one of each; null: any number
--   holds     lifetime of the reservations
--   answer    with tenant_id, whose key it is; null for a key that is unknown, revoked or lacks the scope; {busy: tenant id} for requests that were not
--             processed because they would have had to wait, or others for them
--
-- Requests are processed in the order of their tenants, so that two batches wait for each other instead of deadlocking. A tenant's budget rows are
-- locked all at once, in the order of their key, as ingestion does. All checks and reservations run under these locks, so used + reserved never
-- exceeds a hard limit. Expired reservations are released first (lock_and_release).
--
-- What all requests of a tenant have in common is read once per tenant, and its token budget is written once at the end: every further version of a
-- row in one transaction makes the next one slower to find. Held reservations are read once per tenant and batch, too, never per request: their number
-- is up to the tenant, and other tenants' requests are in the same batch.
create or replace function control.authorize(requests jsonb, at timestamptz, holds interval) returns table (ordinal int, answer jsonb)
language plpgsql set plan_cache_mode = force_generic_plan as $$
declare
    lifetime alias for holds;
    -- Transactions of one tenant that wait for its locks at the same time, in all processes together.
    max_waiting constant int := 32;
    item record;
    today date := (at at time zone 'UTC')::date;
    tomorrow timestamptz := (today + 1)::timestamp at time zone 'UTC';
    -- Of the current tenant: the denial of all its requests, its limits, and the tokens used, reserved before, and reserved in this batch.
    current_tenant uuid;
    tenant_busy boolean;
    tenant_denial jsonb;
    limits record;
    tenant_access text;
    spend_maximum bigint;
    has_user_limits boolean;
    -- Whether its calls to local models take places that unapproved tenants share; null: not read yet.
    takes_place boolean;
    period date;
    next_period timestamptz;
    day_used bigint;
    day_reserved bigint;
    period_used bigint;
    period_reserved bigint;
    batch_reserved bigint := 0;
    -- Its reservations: how many it holds, when the first one is released that counts towards a limit, by limit; and the sums of its users, by user.
    max_held int;
    held int;
    -- Events that the tenant may report today, and of these what is left. Each may need a counter.
    usage_tokens bigint;
    usage_quota bigint;
    usage_left bigint;
    -- UsageQuota.EventsPerCounter.
    events_per_counter constant int := 5;
    releases jsonb;
    user_totals jsonb;
    -- Of the request.
    feature text;
    model record;
    places record;
    user_limit control.user_limit;
    user_total jsonb;
    tokens bigint;
    quantity bigint;
    feature_limit bigint;
    feature_row control.budget;
    user_day_used bigint;
    user_day_reserved bigint;
    user_period_used bigint;
    user_period_reserved bigint;
    -- Of the limit that denies: the amount requested, its maximum, what is used for good (not reserved), and when its window ends.
    denied text;
    requested bigint;
    maximum bigint;
    used bigint;
    window_ends_at timestamptz;
    limit_key text;
    next_release_at timestamptz;
    retry_at timestamptz;
begin
    for item in
        select (q.ordinality - 1)::int as ordinal, q.value as request, q.value ->> 'request_id' as request_id, q.value ->> 'user' as user_name, k.tenant_id,
               k.tenant_status, array_agg(q.value ->> 'feature') over (partition by k.tenant_id) as features
        from jsonb_array_elements(requests) with ordinality q
        left join lateral (select * from control.find_tenant_key_3(decode(q.value ->> 'key', 'hex')) f where f.scopes && '{admin,authorize}') k on true
        order by k.tenant_id, q.ordinality
    loop
        ordinal := item.ordinal;
        answer := null;
        if item.tenant_id is null then
            return next;
            continue;
        end if;

        if item.tenant_id is distinct from current_tenant then
            if batch_reserved > 0 then
                perform control.reserve_tokens(current_tenant, today, period, batch_reserved);
            end if;

            current_tenant := item.tenant_id;
            batch_reserved := 0;
            takes_place := null;
            perform set_config('app.current_tenant', current_tenant::text, true);
            select * into limits from control.limits_of(current_tenant, at);
            period := control.period_start(limits.anchor, today);
            next_period := control.next_period_start(limits.anchor, period)::timestamp at time zone 'UTC';
            if (item.request ->> 'wait')::boolean then
                perform control.take_tenant_place(current_tenant, 'authorize', max_waiting);
            end if;

            tenant_busy := not control.lock_and_release(
                current_tenant, at, item.features, today, period, coalesce((item.request ->> 'wait')::boolean, true));
            max_held := coalesce((item.request ->> 'max_held')::int, 5000);
            select count(*), jsonb_build_object('reservation_limit', coalesce(min(h.expires_at), at + lifetime)) into held, releases from (
                select r.expires_at from control.reservation r where r.tenant_id = current_tenant and r.state = 'held' and r.expires_at > at
                order by r.expires_at limit max_held) h;
            -- Beyond what counts for every tenant (10000, as in usage_tokens), the plan's tokens count once the tenant is approved: a look-up that few need.
            usage_tokens := least(limits.tokens_per_day, 10000);
            for attempt in 1..2 loop
                usage_quota := control.usage_quota((item.request ->> 'usage_events')::bigint, (item.request ->> 'usage_maximum')::bigint, usage_tokens);
                usage_left := coalesce(
                    (select least(usage_quota - r.events, usage_quota / events_per_counter - r.counters) from control.usage_received r
                     where r.tenant_id = current_tenant and r.day = today), usage_quota / events_per_counter);
                exit when (held + jsonb_array_length(requests)) * 3 < usage_left;
                usage_tokens := control.usage_tokens(current_tenant, limits.tokens_per_day);
            end loop;
            user_totals := '{}';
            select max(b.used) filter (where b.span = 'day'), max(b.reserved) filter (where b.span = 'day'),
                   max(b.used) filter (where b.span = 'period'), max(b.reserved) filter (where b.span = 'period')
            into day_used, day_reserved, period_used, period_reserved
            from control.budget b
            where b.tenant_id = current_tenant and b.meter = 'tokens' and (b.span, b.starts) in (('day', today), ('period', period));
            select a.access, a.spend_tokens, exists (select from control.user_limit u where u.tenant_id = current_tenant)
            into tenant_access, spend_maximum, has_user_limits from control.access_of(current_tenant, at) a;
            tenant_denial := case
                when item.tenant_status in ('suspended', 'deleted') or tenant_access = 'none' then control.deny('suspended')
                when limits.trial_ends_at <= at then control.deny('trial_expired')
                when limits.plan is null
                    or not exists (select from control.environment e where e.tenant_id = current_tenant and e.state in ('ready', 'updating'))
                    then control.deny('environment_not_ready')
            end;
        end if;

        if tenant_busy then
            answer := jsonb_build_object('busy', current_tenant);
            return next;
            continue;
        end if;

        -- Idempotent replay: the first request with this id held these locks until it committed, so the stored answer is final. Denials are not stored: they
        -- reserve nothing, a tenant could store any number of them, and the same request may be allowed later.
        select a.answer into answer from control.authorization_answer a where a.tenant_id = current_tenant and a.request_id = item.request_id;
        answer := coalesce(answer, tenant_denial);
        if answer is null and held >= max_held then
            retry_at := (releases ->> 'reservation_limit')::timestamptz;
            answer := control.deny('reservation_limit', case when limits.trial_ends_at <= retry_at then null else retry_at end);
        end if;

        -- Otherwise the usage of the call could be refused, while its reservation expires. A call may become three events, when parts of it are billed apart.
        if answer is null and held * 3 >= usage_left then
            answer := control.deny('daily_limit', case when limits.trial_ends_at <= tomorrow then null else tomorrow end);
        end if;

        if answer is not null then
            answer := answer || jsonb_build_object('tenant_id', current_tenant);
            return next;
            continue;
        end if;

        feature := item.request ->> 'feature';
        tokens := (item.request ->> 'estimated_tokens')::bigint;
        quantity := coalesce((item.request ->> 'quantity')::bigint, 0);
        feature_limit := case feature when 'rag_file' then limits.rag_files when 'web_search' then limits.web_searches when 'image' then limits.images end;
        user_limit := null;
        if has_user_limits then
            select u.* into user_limit from control.user_limit u
            where u.tenant_id = current_tenant and u.user_id in (item.user_name, '*') order by u.user_id = '*' limit 1;
        end if;

        select m.name, m.is_local into model from control.model m
        where m.name = item.request ->> 'model'
          and (limits.all_models or exists (select from control.plan_model pm where pm.plan = limits.plan and pm.model = m.name));
        if model.name is null and item.request ->> 'model' like 'own/%' then
            select o.name, true as is_local into model from control.tenant_model o
            where o.tenant_id = current_tenant and o.name = item.request ->> 'model' and o.state = 'ready'
              and exists (select from control.plan p where p.name = limits.plan and p.custom_weights);
        end if;

        answer := case
            when model.name is null then control.deny('model_not_in_plan')
            when tenant_access = 'local_models' and not model.is_local then control.deny('model_restricted')
            when feature is not null and feature_limit = 0 then control.deny('feature_not_in_plan')
            when user_limit.models is not null and not model.name = any (user_limit.models) then control.deny('user_limit')
        end;

        if answer is null then
            denied := null;
            requested := tokens;
            feature_row := null;
            if feature is not null then
                select b.* into feature_row from control.windows_of(today, period, 0, feature, 0) w
                join control.budget b on b.tenant_id = current_tenant and b.meter = w.meter and b.span = w.span and b.starts = w.starts where w.meter <> 'tokens';
            end if;

            user_total := null;
            if coalesce(user_limit.tokens_per_day, user_limit.tokens_per_month) is not null then
                user_total := user_totals -> item.user_name;
                if user_total is null then
                    user_total := control.user_totals(current_tenant, item.user_name, today, period, at);
                    user_totals := user_totals || jsonb_build_object(item.user_name, user_total);
                end if;
            end if;

            user_day_used := (user_total ->> 'day_used')::bigint;
            user_day_reserved := (user_total ->> 'day_reserved')::bigint;
            user_period_used := (user_total ->> 'period_used')::bigint;
            user_period_reserved := (user_total ->> 'period_reserved')::bigint;

            if day_used + day_reserved + batch_reserved + tokens > limits.tokens_per_day then
                denied := 'daily_limit'; maximum := limits.tokens_per_day; used := day_used; window_ends_at := tomorrow;
            elsif limits.month_is_hard and period_used + period_reserved + batch_reserved + tokens > limits.tokens_per_month then
                denied := 'monthly_limit'; maximum := limits.tokens_per_month; used := period_used; window_ends_at := next_period;
            elsif period_used + period_reserved + batch_reserved + tokens > spend_maximum then
                denied := 'monthly_limit'; maximum := spend_maximum; used := period_used; window_ends_at := next_period;
            elsif user_day_used + user_day_reserved + tokens > user_limit.tokens_per_day then
                denied := 'user_limit'; maximum := user_limit.tokens_per_day; used := user_day_used; window_ends_at := tomorrow;
            elsif user_period_used + user_period_reserved + tokens > user_limit.tokens_per_month then
                denied := 'user_limit'; maximum := user_limit.tokens_per_month; used := user_period_used; window_ends_at := next_period;
            elsif feature_row.used + feature_row.reserved + quantity > feature_limit then
                denied := 'feature_limit'; maximum := feature_limit; used := feature_row.used; requested := quantity;
                window_ends_at := case feature_row.span when 'period' then next_period end;
            end if;

            if denied is not null then
                -- A reservation may be released before the window ends; used tokens are not, and a request larger than the limit never fits.
                retry_at := case when requested <= maximum then window_ends_at end;
                if used + requested <= maximum then
                    limit_key := case denied when 'feature_limit' then feature_row.meter else denied end;
                    if denied = 'user_limit' then
                        next_release_at := coalesce((user_total ->> 'release')::timestamptz, at + lifetime);
                    elsif releases ? limit_key then
                        next_release_at := releases ->> limit_key;
                    else
                        next_release_at := coalesce(control.next_release(current_tenant, at, denied, today, period, feature), at + lifetime);
                        releases := releases || jsonb_build_object(limit_key, next_release_at);
                    end if;

                    retry_at := least(next_release_at, window_ends_at);
                end if;

                answer := control.deny(denied, case when limits.trial_ends_at <= retry_at then null else retry_at end);
            end if;
        end if;

        -- The last reason, because it is gone within seconds. Read for local models of unapproved tenants only, and without a lock: batches that run at the same time may together take
        -- a few places more.
        if answer is null and model.is_local and item.request ? 'shared_places' then
            takes_place := coalesce(takes_place, not control.is_approved(current_tenant)
                and not exists (select from control.plan p where p.name = limits.plan and p.compute ilike 'dedicated%'));
            if takes_place then
                select s.taken, s.own into places from control.shared_places(current_tenant, at) s;
                if places.own > 0 or places.taken >= (item.request ->> 'shared_places')::int then
                    retry_at := at + interval '10 seconds';
                    answer := control.deny('local_busy', case when limits.trial_ends_at <= retry_at then null else retry_at end);
                end if;
            end if;
        end if;

        if answer is null then
            batch_reserved := batch_reserved + tokens;
            held := held + 1;
            if user_total is not null then
                user_totals := user_totals || jsonb_build_object(item.user_name, user_total || jsonb_build_object(
                    'day_reserved', user_day_reserved + tokens, 'period_reserved', user_period_reserved + tokens));
            end if;

            if feature is not null then
                update control.budget b set reserved = b.reserved + quantity
                where b.tenant_id = current_tenant and b.meter = feature_row.meter and b.span = feature_row.span and b.starts = feature_row.starts;
            end if;

            insert into control.reservation (id, tenant_id, user_id, tokens, feature, quantity, day, period_start, expires_at, state, shared_place)
            values ((item.request ->> 'reservation')::uuid, current_tenant, item.user_name, tokens, feature, quantity, today, period, at + lifetime, 'held',
                model.is_local and coalesce(takes_place, false));
            answer := jsonb_build_object('allow', true, 'reservation_id', item.request ->> 'reservation', 'expires_at', at + lifetime, 'remaining', least(
                limits.tokens_per_day - day_used - day_reserved - batch_reserved,
                case when limits.month_is_hard then limits.tokens_per_month - period_used - period_reserved - batch_reserved end,
                spend_maximum - period_used - period_reserved - batch_reserved,
                user_limit.tokens_per_day - user_day_used - user_day_reserved - tokens,
                user_limit.tokens_per_month - user_period_used - user_period_reserved - tokens));
            answer := jsonb_strip_nulls(answer);
            insert into control.authorization_answer (tenant_id, request_id, answer, answered_at)
            values (current_tenant, item.request_id, answer, at) on conflict do nothing;
        end if;

        answer := answer || jsonb_build_object('tenant_id', current_tenant);
        return next;
    end loop;

    if batch_reserved > 0 then
        perform control.reserve_tokens(current_tenant, today, period, batch_reserved);
    end if;
end $$;
grant execute on function control.authorize to control_app, control_job;
