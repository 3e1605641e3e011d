-- Limits: reserves tokens in the current day and period; the caller has their budget rows locked (lock_budget_rows).
create or replace function control.reserve_tokens(tenant uuid, today date, period date, amount bigint) returns void language plpgsql as $$
begin
    update control.budget b set reserved = b.reserved + amount
    where b.tenant_id = tenant and b.meter = 'tokens' and (b.span, b.starts) in (('day', today), ('period', period));
end $$;
grant execute on function control.reserve_tokens to control_app, control_job;
