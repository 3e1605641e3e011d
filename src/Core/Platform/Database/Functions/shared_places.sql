-- Limits: the places of the shared Ollama that calls of unapproved tenants take, of all of them and of one tenant. Numbers only: they do not tell whose the others are.
create or replace function control.shared_places(tenant uuid, at timestamptz, out taken bigint, out own bigint)
language plpgsql stable security definer set search_path = control, pg_temp as $$
begin
    select count(*), count(*) filter (where r.tenant_id = tenant) into taken, own
    from reservation r where r.state = 'held' and r.shared_place and r.expires_at > at;
end $$;
alter function control.shared_places owner to control_job;
revoke all on function control.shared_places from public;
grant execute on function control.shared_places to control_app, control_job;
