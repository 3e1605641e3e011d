-- Written by Metering. Parts of the two totals, as providers report them, and whether the gateway answered from its own cache; null: none, no. They change the
-- cost, never the count.
alter table control.usage_event
    add column cached_prompt_tokens int,
    add column cache_write_tokens int,
    add column reasoning_tokens int,
    add column audio_tokens int,
    add column cache_hit boolean;
-- Not valid: every new row is checked, but the stored ones, none of which has kinds, are not read. Most events have none: that is checked first.
alter table control.usage_event add constraint usage_event_kinds_check check (
    coalesce(cached_prompt_tokens, cache_write_tokens, reasoning_tokens, audio_tokens) is null
    or least(cached_prompt_tokens, cache_write_tokens, reasoning_tokens, audio_tokens) >= 0
        and coalesce(cached_prompt_tokens, 0) + coalesce(cache_write_tokens, 0) <= prompt_tokens
        and coalesce(reasoning_tokens, 0) <= completion_tokens
        and coalesce(audio_tokens, 0) <= prompt_tokens + completion_tokens) not valid;

-- A kind without a price costs what the total it is a part of costs; pictures without a price cost nothing beyond their tokens.
alter table control.model_price
    add column cached_prompt_eur_per_1000 numeric(12, 6) check (cached_prompt_eur_per_1000 >= 0),
    add column cache_write_eur_per_1000 numeric(12, 6) check (cache_write_eur_per_1000 >= 0),
    add column reasoning_eur_per_1000 numeric(12, 6) check (reasoning_eur_per_1000 >= 0),
    add column audio_eur_per_1000 numeric(12, 6) check (audio_eur_per_1000 >= 0),
    -- At most three digits, so that the cost of the largest event can be stored.
    add column eur_per_image numeric(9, 6) check (eur_per_image >= 0);
