-- Metering: the trigger of usage events. They are append-only, but a person's id may be replaced by a pseudonym (erase_usage_piece); what is billed never changes.
create or replace function control.refuse_usage_change() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and new.user_id like 'erased-%'
        and to_jsonb(new) - array['user_id', 'session_id'] = to_jsonb(old) - array['user_id', 'session_id'] then
        return new;
    end if;
    raise exception '% on %.% is not allowed: rows there are never changed', tg_op, tg_table_schema, tg_table_name
        using errcode = 'restrict_violation';
end $$;
create or replace trigger append_only before update or delete on control.usage_event for each row execute function control.refuse_usage_change();
