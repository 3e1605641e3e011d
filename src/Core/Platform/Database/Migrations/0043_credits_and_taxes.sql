-- Written by Billing. control_app finds one coupon by its exact code (control.find_coupon), and lists none.
create table control.coupon (
    code text primary key check (code ~ '^[A-Z0-9-]{3,40}$'),
    percent numeric(5, 2) check (percent > 0 and percent <= 100),
    amount_eur numeric(10, 2) check (amount_eur > 0),
    -- null: for ever; 1: once.
    periods int check (periods > 0),
    -- null: for every plan.
    plans text[],
    redeem_until timestamptz,
    max_redemptions int check (max_redemptions > 0),
    redemptions int not null default 0 check (redemptions >= 0 and redemptions <= coalesce(max_redemptions, redemptions)),
    created_by text not null,
    created_at timestamptz not null,
    ended_at timestamptz,
    check (num_nonnulls(percent, amount_eur) = 1)
);
grant select, insert, update on control.coupon to control_job;

create table control.coupon_redemption (
    tenant_id uuid not null references control.tenant on delete cascade,
    code text not null references control.coupon,
    redeemed_at timestamptz not null,
    -- null: for ever.
    periods_left int check (periods_left >= 0),
    primary key (tenant_id, code)
);
select control.protect_tenant_rows('control.coupon_redemption');
grant select on control.coupon_redemption to control_app;
grant select, insert, update on control.coupon_redemption to control_job;

-- Before tax: goodwill is used up, prepaid was taxed with its top-up invoice and is used up, a manual line goes on the next invoice.
create table control.adjustment (
    id uuid primary key,
    tenant_id uuid not null references control.tenant,
    kind text not null check (kind in ('goodwill', 'prepaid', 'manual')),
    description text not null check (length(description) between 1 and 200),
    amount numeric(20, 2) not null check (amount <> 0 and (kind = 'manual' or amount > 0)),
    remaining numeric(20, 2) not null,
    rate_kind text not null default 'standard' check (rate_kind in ('standard', 'reduced')),
    reason text not null,
    invoice_id uuid references control.invoice,
    created_by text not null,
    created_at timestamptz not null,
    check (abs(remaining) <= abs(amount))
);
create index adjustment_left on control.adjustment (tenant_id, created_at) where remaining <> 0;
select control.protect_tenant_rows('control.adjustment');
grant select on control.adjustment to control_app;
grant select, insert, update on control.adjustment to control_job;

-- After tax: the balance of a tenant is the sum. Append-only.
create table control.balance_entry (
    id uuid primary key,
    tenant_id uuid not null references control.tenant,
    amount numeric(20, 2) not null check (amount <> 0),
    kind text not null check (kind in ('overpayment', 'credit_note', 'used', 'carried', 'refund', 'write_off')),
    invoice_id uuid references control.invoice,
    source text not null,
    reason text,
    actor text not null,
    created_at timestamptz not null,
    unique (tenant_id, kind, source)
);
select control.protect_tenant_rows('control.balance_entry');
grant select on control.balance_entry to control_app;
grant select, insert on control.balance_entry to control_job;
create trigger final before update or delete on control.balance_entry for each row execute function control.refuse_change();

-- Append-only. The number is from invoice_sequence 'default:corrections'.
create table control.credit_note (
    id uuid primary key,
    number text not null unique,
    tenant_id uuid not null references control.tenant,
    invoice_id uuid not null references control.invoice,
    reason text not null,
    net_amount numeric(20, 2) not null,
    tax numeric(20, 2) not null,
    total_amount numeric(20, 2) not null check (total_amount = net_amount + tax and total_amount > 0),
    -- What it did to the invoice: reduced what is open, was paid back, went to the balance.
    to_open numeric(20, 2) not null check (to_open >= 0),
    to_refund numeric(20, 2) not null check (to_refund >= 0),
    to_balance numeric(20, 2) not null check (to_balance >= 0),
    lines jsonb not null,
    taxes jsonb not null,
    seller jsonb not null,
    buyer jsonb not null,
    content bytea,
    created_by text not null,
    created_at timestamptz not null,
    check (to_open + to_refund + to_balance = total_amount)
);
create index credit_note_of_invoice on control.credit_note (tenant_id, invoice_id);
select control.protect_tenant_rows('control.credit_note');
grant select on control.credit_note to control_app;
grant select, insert on control.credit_note to control_job;
create trigger final before update or delete on control.credit_note for each row execute function control.refuse_change();

create table control.refund (
    id uuid primary key,
    invoice_id uuid not null references control.invoice,
    tenant_id uuid not null references control.tenant,
    credit_note_id uuid references control.credit_note,
    amount numeric(20, 2) not null check (amount > 0),
    state text not null check (state in ('requested', 'pending', 'succeeded', 'failed')),
    provider text not null,
    provider_refund_id text unique,
    next_attempt_at timestamptz,
    claimed_until timestamptz,
    created_at timestamptz not null
);
create index refund_due on control.refund (next_attempt_at) where next_attempt_at is not null;
create index refund_of_tenant on control.refund (tenant_id);
select control.protect_tenant_rows('control.refund');
grant select on control.refund to control_app;
grant select, insert, update on control.refund to control_job;

-- The same for all tenants. A rate that changes is a row with a later date.
create table control.tax_rate (
    country text not null check (country ~ '^[A-Z]{2}$'),
    kind text not null check (kind in ('standard', 'reduced')),
    valid_from date not null,
    percent numeric(5, 2) not null check (percent between 0 and 50),
    -- Where it was read, or the operator who added it.
    source text not null,
    primary key (country, kind, valid_from)
);
grant select on control.tax_rate to control_app;
grant select, insert on control.tax_rate to control_job;
create trigger final before update or delete on control.tax_rate for each row execute function control.refuse_change();

-- Standard rates of the member states that applied on 1 January 2024, before which this platform has written no invoice, and every change since.
insert into control.tax_rate (country, kind, valid_from, percent, source)
select country, 'standard', valid_from::date, percent, 'European Commission, Taxes in Europe Database (TEDB), as published in vatnode/eu-vat-rates-data of 2026-09-23'
from (values
    ('AT', '2024-01-01', 20), ('BE', '2024-01-01', 21), ('BG', '2024-01-01', 20), ('CY', '2024-01-01', 19), ('CZ', '2024-01-01', 21),
    ('DE', '2024-01-01', 19), ('DK', '2024-01-01', 25), ('EE', '2024-01-01', 22), ('EE', '2025-07-01', 24), ('ES', '2024-01-01', 21),
    ('FI', '2024-01-01', 24), ('FI', '2024-09-01', 25.5), ('FR', '2024-01-01', 20), ('GR', '2024-01-01', 24), ('HR', '2024-01-01', 25),
    ('HU', '2024-01-01', 27), ('IE', '2024-01-01', 23), ('IT', '2024-01-01', 22), ('LT', '2024-01-01', 21), ('LU', '2024-01-01', 17),
    ('LV', '2024-01-01', 21), ('MT', '2024-01-01', 18), ('NL', '2024-01-01', 21), ('PL', '2024-01-01', 23), ('PT', '2024-01-01', 23),
    ('RO', '2024-01-01', 19), ('RO', '2025-08-01', 21), ('SE', '2024-01-01', 25), ('SI', '2024-01-01', 22), ('SK', '2024-01-01', 20),
    ('SK', '2025-01-01', 23)) as rate (country, valid_from, percent);

-- What the register of VAT ids has answered, and when. The proof of reverse charge.
create table control.vat_confirmation (
    id uuid primary key,
    tenant_id uuid not null references control.tenant,
    vat_id text not null,
    state text not null check (state in ('requested', 'valid', 'invalid')),
    requested_at timestamptz not null,
    next_attempt_at timestamptz,
    attempts int not null default 0,
    last_error text,
    answered_at timestamptz,
    consultation text,
    name text,
    address text,
    answer jsonb,
    check ((state = 'requested') = (answered_at is null))
);
create index vat_confirmation_waiting on control.vat_confirmation (next_attempt_at) where state = 'requested';
create index vat_confirmation_of_tenant on control.vat_confirmation (tenant_id, vat_id, answered_at);
select control.protect_tenant_rows('control.vat_confirmation');
grant select, insert on control.vat_confirmation to control_app;
grant select, insert, update on control.vat_confirmation to control_job;

-- Written by Provisioning: how long an environment answered, per month.
create table control.availability (
    tenant_id uuid not null references control.tenant on delete cascade,
    month date not null,
    measured_seconds bigint not null check (measured_seconds >= 0),
    down_seconds bigint not null check (down_seconds >= 0),
    last_at timestamptz not null,
    last_up boolean not null,
    primary key (tenant_id, month)
);
select control.protect_tenant_rows('control.availability');
grant select on control.availability to control_app;
grant select, insert, update on control.availability to control_job;
