-- The account that a transfer came from: who paid from it before is proposed again.
alter table control.bank_transaction add column payer_iban text;
create index on control.bank_transaction (payer_iban) where payer_iban is not null;

-- What a plan promises, in percent of a month; null: nothing.
alter table control.plan add column availability_percent numeric(5, 3) check (availability_percent > 0 and availability_percent <= 100);
update control.plan set availability_percent = 99.9 where name = 'enterprise';
create index availability_down on control.availability (month) where down_seconds > 0;

-- The goodwill that accepting a review adds, EUR before tax; null: there is nothing to accept.
alter table control.billing_review add column proposed_eur numeric(12, 2) check (proposed_eur > 0);
