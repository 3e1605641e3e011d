-- Billing: the trigger of control.invoice. A finalized invoice is never changed, except for its payment status.
create or replace function control.refuse_invoice_change() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' or (to_jsonb(old) - 'status' - 'paid_at') <> (to_jsonb(new) - 'status' - 'paid_at') then
        raise exception 'invoice % is final: it can be credited, not changed', old.number using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
