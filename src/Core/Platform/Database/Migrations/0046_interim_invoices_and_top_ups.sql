-- Written by Subscriptions: the charge of an interim invoice has failed, so no more overage is allowed. Written with the stages; read by authorize.
alter table control.subscription
    add column overage_stopped boolean not null default false,
    -- When the customer was last told that the environment will be deleted.
    add column closing_told_at timestamptz;

-- Written by Billing. Interim invoices bill overage of a period before it ends, top-ups credit that is bought: neither is the invoice of a period.
create index invoice_beside_periods on control.invoice (tenant_id, period) where kind <> 'period';

-- Top-ups that are not paid are cancelled.
create index invoice_open_top_up on control.invoice (created_at) where kind = 'top_up' and status = 'open';

-- The tenants with overage, of which the billing job asks how much is not billed yet.
create index budget_alert_overage on control.budget_alert (starts) where meter = 'tokens' and span = 'period' and percent = 100 and not hard;

-- The invoice that credit was bought with. It is granted once, when that is paid.
alter table control.adjustment add column bought_with uuid unique references control.invoice, add check (bought_with is null or kind = 'prepaid');
