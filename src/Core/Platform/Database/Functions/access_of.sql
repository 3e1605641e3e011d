-- Limits: what a tenant's invoices leave of the platform (full, local_models, none), and the tokens of the current period up to which its spend limit allows
-- calls, or those that the period includes while an interim invoice could not be charged; null: no limit. Also of a subscription that has ended. Called with every authorization, hence plpgsql, which is planned once per session.
create or replace function control.access_of(tenant uuid, at timestamptz, out access text, out spend_tokens bigint) language plpgsql stable as $$
declare
    has_limit boolean;
    is_stopped boolean;
begin
    select u.access, u.spend_limit_eur is not null or u.overage_stopped, u.overage_stopped into access, has_limit, is_stopped from control.subscription u where u.tenant_id = tenant;
    if has_limit then
        select case when is_stopped then s.included
                    else s.included + floor(greatest(0, s.limit_eur - s.spent_eur) * 1000 / nullif(s.eur_per_1000, 0))::bigint end
        into spend_tokens from control.spend_of(tenant, at) s;
    end if;
end $$;
grant execute on function control.access_of to control_app, control_job;
