-- Written by Billing.

-- Gapless: the number is taken in the transaction that writes the invoice, so a rollback gives it back.
create table control.invoice_sequence (
    seller text primary key,
    last_number bigint not null
);
grant select, insert, update on control.invoice_sequence to control_job;

create table control.invoice (
    id uuid primary key,
    number text not null unique,
    tenant_id uuid not null references control.tenant,
    period int not null check (period >= 1),
    period_start date not null,
    period_end date not null check (period_end > period_start),
    plan text not null references control.plan,
    currency text not null default 'EUR' check (currency ~ '^[A-Z]{3}$'),
    base_charge numeric(12, 2) not null,
    -- Every token this invoice carries: within the allowance, beyond it, and late ones.
    token_usage bigint not null,
    overage_tokens bigint not null,
    overage_charge numeric(12, 2) not null,
    net_amount numeric(12, 2) not null,
    tax_label text,
    tax_rate numeric(6, 4) not null,
    tax numeric(12, 2) not null,
    total_amount numeric(12, 2) not null check (total_amount = net_amount + tax),
    -- Seller and buyer as they were when it was issued, and the notes printed on it.
    seller jsonb not null,
    buyer jsonb not null,
    notes jsonb not null,
    status text not null check (status in ('open', 'paid')),
    created_at timestamptz not null,
    paid_at timestamptz,
    unique (tenant_id, period)
);
select control.protect_tenant_rows('control.invoice');
grant select on control.invoice to control_app;
grant select, insert, update on control.invoice to control_job;

create table control.invoice_line (
    invoice_id uuid not null references control.invoice,
    tenant_id uuid not null references control.tenant,
    ordinal int not null,
    kind text not null check (kind in ('base', 'included', 'overage', 'late')),
    description text not null,
    tokens bigint not null check (tokens >= 0),
    -- What the amount is for: months for 'base', tokens otherwise, with the price per month or per 1,000 tokens.
    quantity numeric(20, 6) not null,
    unit_price numeric(12, 6) not null,
    amount numeric(12, 2) not null,
    primary key (invoice_id, ordinal)
);
select control.protect_tenant_rows('control.invoice_line');
grant select on control.invoice_line to control_app;
grant select, insert on control.invoice_line to control_job;

-- The document as it was sent. Kept, because a later version of the program may draw the same invoice differently.
create table control.invoice_pdf (
    invoice_id uuid primary key references control.invoice,
    tenant_id uuid not null references control.tenant,
    content bytea not null
);
alter table control.invoice_pdf alter column content set storage external;
select control.protect_tenant_rows('control.invoice_pdf');
grant select on control.invoice_pdf to control_app;
grant select, insert on control.invoice_pdf to control_job;

-- A finalized invoice is never changed. Only its payment state moves on.
create function control.refuse_invoice_change() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' or (to_jsonb(old) - 'status' - 'paid_at') <> (to_jsonb(new) - 'status' - 'paid_at') then
        raise exception 'invoice % is final: it can be credited, not changed', old.number using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger final before update or delete on control.invoice for each row execute function control.refuse_invoice_change();
create trigger final before update or delete on control.invoice_pdf for each row execute function control.refuse_change();
create trigger final before update or delete on control.invoice_line for each row execute function control.refuse_change();

-- Where each period stands in the billing cycle.
create table control.billing_period (
    tenant_id uuid not null references control.tenant on delete cascade,
    number int not null check (number >= 1),
    starts_on date not null,
    ends_on date not null check (ends_on > starts_on),
    stage text not null check (stage in ('open', 'previewed', 'invoiced', 'past_due', 'dunning', 'suspended', 'paid', 'closed')),
    stage_since timestamptz not null,
    invoice_id uuid references control.invoice,
    primary key (tenant_id, number)
);
select control.protect_tenant_rows('control.billing_period');
grant select on control.billing_period to control_app;
grant select, insert, update on control.billing_period to control_job;
