-- Metering: replaces the id of a tenant's user by a pseudonym wherever usage is stored. Tokens and cost stay, so events, counters and invoices still
-- agree. The caller holds the tenant's billing lock: otherwise an event could be counted under one id and stored under the other.
create or replace function control.erase_user(tenant uuid, erased text, pseudonym text) returns bigint
language plpgsql security definer set search_path = control, pg_temp as $$
declare
    events bigint;
begin
    update usage_event set user_id = pseudonym, session_id = null where tenant_id = tenant and user_id = erased;
    get diagnostics events = row_count;
    update usage_counter set user_id = pseudonym where tenant_id = tenant and user_id = erased;
    update daily_usage set user_id = pseudonym where tenant_id = tenant and user_id = erased;
    return events;
end $$;
revoke all on function control.erase_user from public;
grant execute on function control.erase_user to control_job;
