-- Accounts: what an invoice says about its buyer, and the language of mails about money.
alter table control.tenant
    add column address_line1 text check (length(address_line1) <= 200), add column address_line2 text check (length(address_line2) <= 200),
    add column postal_code text check (length(postal_code) <= 20), add column city text check (length(city) <= 100), add column address_state text check (length(address_state) <= 100),
    add column invoice_email text check (length(invoice_email) between 3 and 254), add column invoice_reference text check (length(invoice_reference) <= 200),
    add column language text not null default 'en' check (language in ('en', 'de')), add column erased_at timestamptz;
update control.tenant set language = 'de' where country in ('DE', 'AT', 'CH', 'LI');

-- Notifications: the same text as HTML, for mails that have it.
alter table control.outbox add column html text;
