-- Limits: the tokens of a day that count for a tenant's usage_quota: of one that is not approved, which has not paid for its plan, at most those of a trial.
create or replace function control.usage_tokens(tenant uuid, tokens_per_day bigint) returns bigint language plpgsql stable as $$
begin
    return case when control.is_approved(tenant) then tokens_per_day else least(tokens_per_day, 10000) end;
end $$;
grant execute on function control.usage_tokens to control_app, control_job;
