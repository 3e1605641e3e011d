-- Written by Metering. Events in quarantine that will never be counted can be discarded by an operator; they are deleted later.
alter table control.quarantine drop constraint quarantine_state_check;
alter table control.quarantine add constraint quarantine_state_check check (state in ('held', 'replayed', 'discarded'));
alter table control.quarantine add column discarded_at timestamptz;
grant delete on control.quarantine to control_job;
-- For the quota of a tenant, and for batches.
create index quarantine_held on control.quarantine (tenant_id) where state = 'held';
create index quarantine_held_by_code on control.quarantine (code, id) where state = 'held';

-- Written by Metering. An operator's request to replay or discard all held events of one reason, and its progress. The job quarantine processes the
-- events in the order of their ids, up to the newest one at the time of the request, each in a transaction that also moves the progress.
create table control.quarantine_batch (
    id uuid primary key,
    action text not null check (action in ('replay', 'discard')),
    code text not null,
    -- null: of all tenants.
    tenant_id uuid,
    -- Why they are discarded.
    reason text,
    requested_by text not null,
    requested_at timestamptz not null,
    until_id uuid not null,
    total bigint not null,
    -- The last event that was processed.
    after_id uuid,
    processed bigint not null default 0,
    -- Events that still cannot be counted, by reason.
    still_held jsonb not null default '{}',
    finished_at timestamptz
);
-- A repeated request finds the batch in progress.
create unique index quarantine_batch_in_progress on control.quarantine_batch (code, coalesce(tenant_id, '00000000-0000-0000-0000-000000000000'))
    where finished_at is null;
select control.protect_tenant_rows('control.quarantine_batch');
grant select, insert, update, delete on control.quarantine_batch to control_job;

-- For the job retention: what it deletes, and how it finds it.
grant delete on control.tenant_key, control.webhook_secret, control.provisioning_run to control_job;
create index on control.outbox (created_at);
create index on control.webhook_delivery (created_at);
create index on control.provisioning_run (finished_at);
create index on control.job_run (started_at);

-- As before, but the first period includes the days before the anchor, as invoices do.
create or replace view control.user_subscriptions with (security_invoker = true) as
select s.tenant_id as user_id,
       (select m.email from control.member m where m.tenant_id = s.tenant_id and m.role = 'owner' order by m.created_at limit 1) as email,
       s.plan as tier, t.status, s.started_at, s.trial_ends_at as expires_at,
       terms.tokens_per_month as monthly_token_limit,
       coalesce((select sum(c.prompt_tokens + c.completion_tokens) from control.usage_counter c
                 where c.tenant_id = s.tenant_id and (c.day >= p.starts_on or s.open_period = 1)), 0)::bigint as current_monthly_usage,
       p.starts_on::timestamp at time zone 'UTC' as last_reset_at
from control.subscription s
join control.tenant t on t.id = s.tenant_id
cross join lateral (select control.nth_period_start(s.anchor, s.open_period) as starts_on) p
left join lateral (select pt.tokens_per_month from control.plan_terms pt
                   where pt.plan = s.plan and pt.effective_from <= p.starts_on order by pt.effective_from desc limit 1) terms on true;
