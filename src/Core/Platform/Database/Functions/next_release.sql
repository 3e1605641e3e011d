-- Limits: when the first reservation is released that counts towards a limit of the tenant; null: there is none. May read all of the tenant's reservations.
create or replace function control.next_release(tenant uuid, at timestamptz, reason text, today date, period date, limited_feature text) returns timestamptz
language plpgsql stable as $$
begin
    return (
        select r.expires_at from control.reservation r
        where r.tenant_id = tenant and r.state = 'held' and r.expires_at > at
          and case reason when 'daily_limit' then r.day = today when 'monthly_limit' then r.period_start = period else r.feature = limited_feature end
        order by r.expires_at limit 1);
end $$;
grant execute on function control.next_release to control_app, control_job;
