-- Written by Billing. An invoice must be possible whatever a tenant's usage adds up to: while it is not, the period cannot be closed and the month's events
-- cannot be detached. The view control.invoices has the columns' types, so it is created again, with the rights on it.
do $$
declare
    rights text[] := array(
        select format('grant %s on control.invoices to %s%s', a.privilege_type, case when a.grantee = 0 then 'public' else a.grantee::regrole::text end,
                      case when a.is_grantable then ' with grant option' else '' end)
        from pg_class c cross join aclexplode(c.relacl) a where c.oid = 'control.invoices'::regclass and a.grantee <> c.relowner);
    statement text;
begin
    drop view control.invoices;

    alter table control.invoice
        alter column base_charge type numeric(20, 2),
        alter column overage_charge type numeric(20, 2),
        alter column net_amount type numeric(20, 2),
        alter column tax type numeric(20, 2),
        alter column total_amount type numeric(20, 2);
    alter table control.invoice_line alter column amount type numeric(20, 2);

    create view control.invoices with (security_invoker = true) as
    select id, tenant_id as user_id, period_start, period_end, base_charge, token_usage, overage_tokens, overage_charge, total_amount,
           status, created_at, paid_at, null::text as payment_method, null::text as stripe_invoice_id
    from control.invoice;

    foreach statement in array rights loop
        execute statement;
    end loop;
end $$;
