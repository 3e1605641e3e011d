-- Written by Billing. How a tenant pays.
create table control.billing_profile (
    tenant_id uuid primary key references control.tenant on delete cascade,
    collection text not null check (collection in ('charge', 'transfer')),
    provider text,
    customer_id text,
    method_id text,
    method_kind text check (method_kind in ('card', 'sepa_debit', 'other')),
    method_label text,
    method_expires_on date,
    method_changed_at timestamptz,
    payment_days int check (payment_days between 0 and 90),
    exposure_eur numeric(10, 2) check (exposure_eur > 0),
    sandbox_outcome text
);
create unique index billing_profile_customer on control.billing_profile (provider, customer_id);
select control.protect_tenant_rows('control.billing_profile');
grant select on control.billing_profile to control_app;
grant select, insert, update on control.billing_profile to control_job;

-- One per invoice with something to collect. next_attempt_at is business time; null: it waits for the customer or the provider, or is over.
create table control.payment (
    invoice_id uuid primary key references control.invoice,
    tenant_id uuid not null references control.tenant,
    amount numeric(20, 2) not null check (amount > 0),
    state text not null check (state in ('due', 'requires_action', 'pending', 'failed', 'reversed', 'succeeded', 'cancelled')),
    collection text not null check (collection in ('charge', 'transfer')),
    provider text,
    provider_payment_id text,
    due_at timestamptz not null,
    -- When the provider or the bank said that the state is this one.
    changed_at timestamptz not null,
    next_attempt_at timestamptz,
    -- Real time: one process at a time talks to the provider.
    claim uuid,
    claimed_until timestamptz,
    attempts int not null default 0,
    -- Failed debits and reversals.
    bounces int not null default 0,
    decline_kind text check (decline_kind in ('retry', 'customer', 'hard')),
    decline_code text,
    last_charge_id text
);
create unique index payment_provider_id on control.payment (provider, provider_payment_id);
create index payment_due on control.payment (next_attempt_at) where next_attempt_at is not null;
create index payment_of_tenant on control.payment (tenant_id);
select control.protect_tenant_rows('control.payment');
grant select on control.payment to control_app;
grant select, insert, update on control.payment to control_job;

create table control.payment_attempt (
    id uuid primary key,
    invoice_id uuid not null references control.invoice,
    tenant_id uuid not null references control.tenant,
    ordinal int not null check (ordinal >= 1),
    cause text not null check (cause in ('schedule', 'retry', 'customer', 'new_method', 'operator')),
    method_id text,
    started_at timestamptz not null,
    finished_at timestamptz,
    outcome text check (outcome in ('succeeded', 'pending', 'requires_action', 'declined', 'unavailable', 'not_made')),
    decline_code text,
    message text,
    charge_id text,
    unique (invoice_id, ordinal)
);
select control.protect_tenant_rows('control.payment_attempt');
grant select on control.payment_attempt to control_app;
grant select, insert, update on control.payment_attempt to control_job;

-- Every cent that settles an invoice: its total is their sum and what is open. Append-only. The source (charge, dispute, refund, bank transaction, number
-- of a credit note) makes that each is booked once.
create table control.settlement (
    id uuid primary key,
    invoice_id uuid not null references control.invoice,
    tenant_id uuid not null references control.tenant,
    kind text not null check (kind in ('payment', 'reversal', 'refund', 'balance', 'carried', 'credit_note', 'write_off', 'to_balance')),
    amount numeric(20, 2) not null check (amount <> 0),
    source text not null,
    occurred_at timestamptz not null,
    booked_at timestamptz not null,
    actor text not null,
    unique (invoice_id, kind, source)
);
create index settlement_of_tenant on control.settlement (tenant_id);
select control.protect_tenant_rows('control.settlement');
grant select on control.settlement to control_app;
grant select, insert on control.settlement to control_job;
create trigger final before update or delete on control.settlement for each row execute function control.refuse_change();

-- What a payment provider has notified, stored once before it is answered. Not known to be a tenant's before it is applied.
create table control.provider_event (
    provider text not null,
    id text not null,
    type text not null,
    object_id text,
    created_at timestamptz,
    received_at timestamptz not null default now(),
    payload text not null,
    tenant_id uuid,
    state text not null default 'received' check (state in ('received', 'applied', 'ignored', 'dead')),
    attempts int not null default 0,
    next_attempt_at timestamptz not null default now(),
    last_error text,
    primary key (provider, id)
);
create index provider_event_waiting on control.provider_event (next_attempt_at) where state = 'received';
create index provider_event_received on control.provider_event (received_at);
select control.protect_tenant_rows('control.provider_event');
grant select, insert, update, delete on control.provider_event to control_job;

create table control.bank_transaction (
    id uuid primary key,
    account text not null,
    bank_reference text not null,
    booked_on date not null,
    amount numeric(20, 2) not null check (amount <> 0),
    payer text,
    remittance text,
    tenant_id uuid references control.tenant,
    invoice_id uuid references control.invoice,
    state text not null check (state in ('matched', 'unmatched', 'discarded')),
    imported_by text not null,
    imported_at timestamptz not null,
    unique (account, bank_reference)
);
select control.protect_tenant_rows('control.bank_transaction');
grant select, insert, update on control.bank_transaction to control_job;

-- What an operator has to look at. One open row for each subject.
create table control.billing_review (
    id uuid primary key,
    tenant_id uuid not null references control.tenant,
    kind text not null check (kind in ('suspended', 'closing', 'dispute', 'refund_failed', 'hard_decline', 'address_missing', 'no_price', 'availability',
        'vat_id_invalid', 'amount_mismatch')),
    subject text not null,
    detail text not null,
    raised_at timestamptz not null,
    resolved_at timestamptz,
    resolved_by text,
    check ((resolved_at is null) = (resolved_by is null))
);
create unique index billing_review_open on control.billing_review (tenant_id, kind, subject) where resolved_at is null;
select control.protect_tenant_rows('control.billing_review');
grant select, insert, update on control.billing_review to control_job;

-- Invoices of before could not be paid: they are due two weeks from now, by transfer. No period is past due by the upgrade itself.
insert into control.payment (invoice_id, tenant_id, amount, state, collection, due_at, changed_at)
select i.id, i.tenant_id, i.total_amount, 'due', 'transfer', coalesce((select now from control.sandbox_clock), now()) + interval '14 days', i.created_at
from control.invoice i where i.status = 'open' and i.total_amount > 0;
update control.invoice set status = 'paid', paid_at = created_at where status = 'open' and total_amount <= 0;
update control.billing_period p set stage = 'paid' from control.invoice i where i.id = p.invoice_id and i.status = 'paid' and p.stage = 'invoiced';
insert into control.settlement
select gen_random_uuid(), id, tenant_id, 'payment', total_amount, 'before release', coalesce(paid_at, created_at), coalesce(paid_at, created_at), 'migration'
from control.invoice where status = 'paid' and total_amount > 0;
