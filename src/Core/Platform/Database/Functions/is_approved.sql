-- Accounts: an operator has created or approved the tenant, or it has paid an invoice. Nothing else decides it (docs/decisions/0040).
create or replace function control.is_approved(tenant uuid) returns boolean language plpgsql stable as $$
begin
    return (select t.approved_at is not null or exists (select from control.invoice i where i.tenant_id = t.id and i.status = 'paid' and i.total_amount > 0)
        from control.tenant t where t.id = tenant);
end $$;
grant execute on function control.is_approved to control_app, control_job;
