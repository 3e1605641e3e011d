-- Limits: the budget windows that an amount is counted or reserved in. No other code decides this.
create or replace function control.windows_of(day date, period date, tokens bigint, feature text, quantity bigint)
returns table (meter text, span text, starts date, amount bigint) language sql immutable as $$
    select 'tokens', 'day', day, tokens
    union all select 'tokens', 'period', period, tokens
    union all select 'feature:' || feature, case feature when 'rag_file' then 'ever' else 'period' end,
                     case feature when 'rag_file' then date '1970-01-01' else period end, quantity where feature is not null
$$;
grant execute on function control.windows_of to control_app, control_job;
