-- Accounts: finds the token of a mail's link before the tenant is known, by its exact hash only.
create or replace function control.find_member_token(wanted bytea)
returns table (tenant_id uuid, member_id uuid, purpose text, used boolean, expired boolean)
language sql stable security definer set search_path = control, pg_temp as $$
    select k.tenant_id, k.member_id, k.purpose, k.used_at is not null, k.expires_at <= now()
    from member_token k join tenant t on t.id = k.tenant_id where k.hash = wanted and not t.is_deleted
$$;
alter function control.find_member_token owner to control_job;
revoke all on function control.find_member_token from public;
grant execute on function control.find_member_token to control_app, control_job;
