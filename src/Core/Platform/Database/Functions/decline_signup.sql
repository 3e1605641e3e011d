-- Accounts: deletes a pending signup with its member, links and mails, by the exact hash of a link that was mailed to the address. Returns false when the
-- link does not work (any more) or the tenant is not pending.
create or replace function control.decline_signup(wanted bytea) returns boolean
language plpgsql security definer set search_path = control, pg_temp as $$
begin
    delete from tenant t using member_token k
    where k.hash = wanted and k.purpose in ('verify', 'reset') and k.used_at is null and k.expires_at > now() and t.id = k.tenant_id and t.status = 'pending';
    return found;
end $$;
alter function control.decline_signup owner to control_job;
revoke all on function control.decline_signup from public;
grant execute on function control.decline_signup to control_app, control_job;
