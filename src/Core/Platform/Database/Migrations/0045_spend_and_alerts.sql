-- Written by Subscriptions. What the overage of the period of allowance_of had cost before its last change of plan. The tokens that a spend limit allows follow
-- from it (control.spend_of), so they hold also when the limit changes afterwards.
alter table control.subscription
    drop column spend_tokens,
    add column spent_eur numeric(20, 6) not null default 0 check (spent_eur >= 0);

-- A limit that has changed within its window has steps of its own: they are announced against the new maximum. Those of a spend limit count cents.
alter table control.budget_alert
    drop constraint budget_alert_pkey,
    add primary key (tenant_id, meter, span, starts, percent, maximum);
