-- Platform: the trigger of append-only tables.
create or replace function control.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% on %.% is not allowed: rows there are never changed', tg_op, tg_table_schema, tg_table_name
        using errcode = 'restrict_violation';
end $$;
