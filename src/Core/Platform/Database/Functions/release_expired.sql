-- Limits: releases what expired reservations hold; the caller has the budget rows locked (lock_budget_rows). A reservation that ingestion is settling
-- right now is skipped rather than waited for, because ingestion locks it before the budget rows.
create or replace function control.release_expired(tenant uuid, at timestamptz) returns int language plpgsql as $$
declare
    expired int;
begin
    with due as (
        select id from control.reservation where tenant_id = tenant and state = 'held' and expires_at <= at for update skip locked
    ), released as (
        update control.reservation r set state = 'expired' from due where r.id = due.id returning r.day, r.period_start, r.tokens, r.feature, r.quantity
    ), amounts as (
        select w.meter, w.span, w.starts, sum(w.amount) as amount
        from released, control.windows_of(released.day, released.period_start, released.tokens, released.feature, released.quantity) w
        group by w.meter, w.span, w.starts
    ), updated as (
        update control.budget b set reserved = b.reserved - amounts.amount from amounts
        where b.tenant_id = tenant and b.meter = amounts.meter and b.span = amounts.span and b.starts = amounts.starts
    )
    select count(*) into expired from released;
    return expired;
end $$;
grant execute on function control.release_expired to control_app, control_job;
