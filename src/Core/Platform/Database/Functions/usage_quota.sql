-- Limits: how many usage events a tenant may report on a UTC day: those of every tenant, and two for each token that it may use on the day; without a limit of
-- tokens the maximum. Metering refuses what is above, and authorize denies calls before.
create or replace function control.usage_quota(events bigint, maximum bigint, tokens_per_day bigint) returns bigint language sql immutable as $$
    select coalesce(least(maximum, events + 2::numeric * tokens_per_day), maximum)::bigint
$$;
grant execute on function control.usage_quota to control_app, control_job;
