-- Metering: replaces the id of a tenant's user by a pseudonym in one day's usage, for so many events at most. Tokens and cost stay, so events, counters and
-- invoices still agree. Counters and daily usage change with the day's last events. Returns how many events changed, and whether no usage of the user is
-- left. The caller holds the tenant's billing lock: otherwise an event could be counted under one id and stored under the other.
create or replace function control.erase_usage_piece(tenant uuid, erased text, pseudonym text, maximum int, out events int, out is_finished boolean)
language plpgsql security definer set search_path = control, pg_temp as $$
declare
    erased_day date;
    starts timestamptz;
begin
    -- Each event has a counter; counters of old months have none any more.
    select min(c.day) into erased_day from usage_counter c where c.tenant_id = tenant and c.user_id = erased;
    events := 0;
    if erased_day is not null then
        starts := erased_day::timestamp at time zone 'UTC';
        with piece as (
            select e.id from usage_event e
            where e.tenant_id = tenant and e.user_id = erased and e.occurred_at >= starts and e.occurred_at < starts + interval '1 day' limit maximum)
        update usage_event e set user_id = pseudonym, session_id = null from piece
        where e.tenant_id = tenant and e.id = piece.id and e.occurred_at >= starts and e.occurred_at < starts + interval '1 day';
        get diagnostics events = row_count;
        if events < maximum then
            -- Usage under the pseudonym exists already when an event arrived after an earlier piece of the day.
            with former as (delete from usage_counter c where c.tenant_id = tenant and c.day = erased_day and c.user_id = erased returning c.*)
            insert into usage_counter as c (tenant_id, day, model, user_id, requests, prompt_tokens, completion_tokens, cost)
            select f.tenant_id, f.day, f.model, pseudonym, f.requests, f.prompt_tokens, f.completion_tokens, f.cost from former f
            on conflict (tenant_id, day, model, user_id) do update set
                requests = c.requests + excluded.requests, prompt_tokens = c.prompt_tokens + excluded.prompt_tokens,
                completion_tokens = c.completion_tokens + excluded.completion_tokens, cost = c.cost + excluded.cost;
            with former as (delete from daily_usage d where d.tenant_id = tenant and d.day = erased_day and d.user_id = erased returning d.*)
            insert into daily_usage as d (tenant_id, day, model, user_id, requests, prompt_tokens, completion_tokens, cost)
            select f.tenant_id, f.day, f.model, pseudonym, f.requests, f.prompt_tokens, f.completion_tokens, f.cost from former f
            on conflict (tenant_id, day, model, user_id) do update set
                requests = d.requests + excluded.requests, prompt_tokens = d.prompt_tokens + excluded.prompt_tokens,
                completion_tokens = d.completion_tokens + excluded.completion_tokens, cost = d.cost + excluded.cost;
        end if;
    end if;
    is_finished := not exists (select from usage_counter c where c.tenant_id = tenant and c.user_id = erased);
end $$;
revoke all on function control.erase_usage_piece from public;
grant execute on function control.erase_usage_piece to control_job;
