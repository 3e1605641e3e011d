-- Limits: the tokens that a tenant's user has used and reserved today and in the billing period, and when the first of the reservations is released; null:
-- there is none. In one snapshot: a reservation is either still held or already counted. Valid as long as the caller has the budget rows locked.
create or replace function control.user_totals(tenant uuid, user_name text, today date, period date, at timestamptz) returns jsonb language plpgsql stable as $$
begin
    return (
        select jsonb_build_object(
            'day_used', coalesce(sum(c.used) filter (where c.day = today), 0), 'day_reserved', coalesce(sum(c.reserved) filter (where c.day = today), 0),
            'period_used', coalesce(sum(c.used), 0), 'period_reserved', coalesce(sum(c.reserved), 0), 'release', min(c.expires_at) filter (where c.expires_at > at))
        from (
            select u.day, u.prompt_tokens + u.completion_tokens as used, 0 as reserved, null::timestamptz as expires_at from control.usage_counter u
            where u.tenant_id = tenant and u.user_id = user_name and u.day >= period
            union all
            select r.day, 0, r.tokens, r.expires_at from control.reservation r
            where r.tenant_id = tenant and r.user_id = user_name and r.state = 'held' and r.period_start = period
        ) c);
end $$;
grant execute on function control.user_totals to control_app, control_job;
