-- A scheduled change keeps the terms that were agreed for it.
alter table control.subscription_change
    add column agreed_eur_per_month numeric(12, 2),
    add column agreed_overage_eur_per_1000 numeric(12, 6),
    add column agreed_tokens_per_month bigint,
    add column minimum_eur numeric(12, 2);

-- Looked for every minute.
create index subscription_without_access on control.subscription (tenant_id) where access = 'none';
create index environment_unpaid on control.environment (tenant_id) where unpaid_at is not null;
