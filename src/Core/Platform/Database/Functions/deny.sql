-- Limits: the answer to a call that may not go ahead. retry_at is left out when waiting does not help.
create or replace function control.deny(reason text, retry_at timestamptz default null) returns jsonb language sql immutable as $$
    select jsonb_strip_nulls(jsonb_build_object('allow', false, 'reason', reason, 'retry_at', retry_at))
$$;
grant execute on function control.deny to control_app, control_job;
