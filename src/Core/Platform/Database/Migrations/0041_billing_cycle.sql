-- Written by Subscriptions: what the billing cycle needs to know of a subscription. The former release inserts rows without the new columns, so all have defaults.
alter table control.subscription
    -- What the worst unpaid period leaves; written with the stages, in one transaction; read by authorize.
    add column access text not null default 'full' check (access in ('full', 'local_models', 'none')),
    -- When the cycle has something to do. A fact that may change that sets it to -infinity.
    add column billing_due_at timestamptz not null default '-infinity',
    add column ended_at timestamptz,
    add column end_reason text check (end_reason in ('cancelled', 'unpaid', 'deleted')),
    add column spend_limit_eur numeric(10, 2) check (spend_limit_eur >= 0),
    -- Only for the period that starts on allowance_of, when its plan changed within it.
    add column allowance_of date,
    add column allowance_tokens bigint check (allowance_tokens >= 0),
    add column spend_tokens bigint check (spend_tokens >= 0);
create index subscription_billing_due on control.subscription (billing_due_at, tenant_id) where billing_due_at < 'infinity';

-- The plan in force from an instant on. A subscription without rows has had its plan since the anchor.
create table control.subscription_segment (
    tenant_id uuid not null references control.tenant on delete cascade,
    starts_at timestamptz not null check (starts_at = date_trunc('second', starts_at)),
    -- null: paused, without base charge and allowance.
    plan text references control.plan,
    agreed_eur_per_month numeric(10, 2) check (agreed_eur_per_month >= 0),
    agreed_overage_eur_per_1000 numeric(12, 6) check (agreed_overage_eur_per_1000 >= 0),
    agreed_tokens_per_month bigint check (agreed_tokens_per_month >= 0),
    minimum_eur numeric(10, 2) check (minimum_eur > 0),
    reason text not null check (reason in ('started', 'upgraded', 'changed', 'paused', 'resumed', 'reactivated')),
    primary key (tenant_id, starts_at)
);
select control.protect_tenant_rows('control.subscription_segment');
grant select, insert, update on control.subscription_segment to control_app, control_job;

-- A change that a member or operator has asked for and that takes effect at the end of a period.
create table control.subscription_change (
    id uuid primary key,
    tenant_id uuid not null references control.tenant on delete cascade,
    kind text not null check (kind in ('plan', 'cancellation')),
    plan text references control.plan,
    effective_on date not null,
    state text not null check (state in ('scheduled', 'applied', 'undone')),
    requested_by text not null,
    requested_at timestamptz not null,
    settled_at timestamptz,
    check ((kind = 'plan') = (plan is not null)),
    check ((state = 'scheduled') = (settled_at is null))
);
create unique index subscription_change_scheduled on control.subscription_change (tenant_id) where state = 'scheduled';
select control.protect_tenant_rows('control.subscription_change');
grant select, insert, update on control.subscription_change to control_app, control_job;

-- Written by Billing. stage_since is the instant at which the stage was due, entered_at when it was entered.
alter table control.billing_period
    drop constraint billing_period_stage_check,
    add constraint billing_period_stage_check
        check (stage in ('open', 'previewed', 'invoiced', 'pending', 'past_due', 'dunning', 'suspended', 'paid', 'closed')),
    add column entered_at timestamptz,
    add column grace_from timestamptz,
    add column preview jsonb;
create index billing_period_unsettled on control.billing_period (tenant_id) where stage not in ('paid', 'closed');

alter table control.invoice
    drop constraint invoice_tenant_id_period_key,
    drop constraint invoice_status_check,
    add column kind text not null default 'period' check (kind in ('period', 'interim', 'top_up')),
    add column due_at timestamptz,
    -- Negative: a debt of earlier invoices is collected with it.
    add column balance_used numeric(20, 2) not null default 0,
    add column prices text not null default 'net' check (prices in ('net', 'gross')),
    add constraint invoice_status_check check (status in ('open', 'pending', 'paid', 'credited', 'written_off'));
create unique index invoice_of_period on control.invoice (tenant_id, period) where kind = 'period';
create index invoice_of_tenant on control.invoice (tenant_id, number desc);
create index invoice_unsettled on control.invoice (due_at) where status in ('open', 'pending');

alter table control.invoice_line
    drop constraint invoice_line_kind_check,
    add constraint invoice_line_kind_check
        check (kind in ('base', 'included', 'overage', 'late', 'minimum', 'manual', 'top_up', 'coupon', 'goodwill', 'prepaid')),
    -- What it was computed for, and the version of the plan's terms that priced it.
    add column of_period int,
    add column segment_from timestamptz,
    add column segment_to timestamptz,
    add column plan text,
    add column terms_from timestamptz,
    add column tax_category text,
    add column tax_rate numeric(6, 4),
    add column adjustment_id uuid;
create index invoice_line_interim on control.invoice_line (tenant_id, of_period) where of_period is not null;

-- The tax of an invoice per category and rate, as the standard (EN 16931) breaks it down. Append-only.
create table control.invoice_tax (
    invoice_id uuid not null references control.invoice,
    tenant_id uuid not null references control.tenant,
    ordinal int not null,
    category text not null check (category in ('S', 'AE', 'Z', 'O', 'E')),
    rate numeric(6, 4) not null,
    taxable numeric(20, 2) not null,
    tax numeric(20, 2) not null,
    code text,
    note text,
    primary key (invoice_id, ordinal)
);
select control.protect_tenant_rows('control.invoice_tax');
grant select on control.invoice_tax to control_app;
grant select, insert on control.invoice_tax to control_job;
create trigger final before update or delete on control.invoice_tax for each row execute function control.refuse_change();

-- Inserted with the invoice, deleted with its document and mail.
create table control.invoice_undocumented (
    invoice_id uuid primary key references control.invoice,
    tenant_id uuid not null references control.tenant
);
select control.protect_tenant_rows('control.invoice_undocumented');
grant select, insert, update, delete on control.invoice_undocumented to control_job;
