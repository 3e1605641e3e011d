-- Catalog: a model's public name is what customers buy and what usage is priced by; its routes say which provider answers, and until when. Several routes in force at
-- the same time are tried in the order of their position. model.gateway_model is read by the former release only.
alter table control.model
    -- What Ollama needs to answer three calls at a time: file, context of 8,192 tokens, and 512 MiB. null for models of providers, and where it is not known.
    add column memory_mib int check (memory_mib > 0),
    -- So that a route of a local model is local, and one of a priced model is not: is_local of both is the same.
    add unique (name, is_local);

create table control.model_route (
    id uuid primary key default gen_random_uuid(),
    model text not null,
    is_local boolean not null,
    -- Lower ones are tried first.
    position int not null default 1 check (position between 1 and 100),
    -- The key and the server that are used; ollama: the environment's Ollama.
    provider text not null,
    -- What LiteLLM calls it: prefix and the provider's id of the model.
    gateway_model text not null,
    -- Another address of the provider, such as one of a region; null: the usual one.
    endpoint text,
    effective_from timestamptz not null,
    effective_to timestamptz check (effective_to > effective_from),
    foreign key (model, is_local) references control.model (name, is_local),
    check (is_local = (provider = 'ollama')),
    check (endpoint is null or not is_local)
);
create index on control.model_route (model);
create index on control.model_route (gateway_model);

-- The result of the newest check of a route.
create table control.model_route_health (
    route uuid primary key references control.model_route on delete cascade,
    state text not null,
    reason text,
    -- Since when the state is this one.
    since timestamptz not null,
    checked_at timestamptz not null
);

-- Where a price comes from, and when it was read there.
alter table control.model_price add column source text;

insert into control.model_route (model, is_local, provider, gateway_model, effective_from)
select name, is_local, case when is_local then 'ollama' else provider end, gateway_model, '2000-01-01Z' from control.model where is_local or provider <> 'ollama';
-- Not valid: rows that an operator has written by hand are kept. Every new one is checked: a route to a provider under a local model would cost money and have no price.
alter table control.model_route add constraint model_route_prefix_check
    check (is_local = (split_part(gateway_model, '/', 1) in ('ollama', 'ollama_chat'))) not valid;

-- Models that their providers have shut down. The names stay in the plans and in invoices with their prices, and never lead to another model. A route that an operator
-- has changed stays. Sources, read on 2026-11-30: https://docs.claude.com/en/docs/about-claude/model-deprecations, https://developers.openai.com/api/docs/deprecations. Google lists
-- its two no more; their day is approximate.
update control.model_route r set effective_to = gone.at
from (values ('claude-3-sonnet', 'anthropic/claude-3-sonnet', '2025-07-21Z'::timestamptz), ('claude-3-opus', 'anthropic/claude-3-opus', '2026-01-05Z'),
             ('gemini-pro', 'gemini/gemini-pro', '2025-09-29Z'), ('gemini-1.5-pro', 'gemini/gemini-1.5-pro', '2025-09-29Z'),
             ('gpt-4-turbo', 'openai/gpt-4-turbo', '2026-10-23Z'), ('gpt-3.5-turbo', 'openai/gpt-3.5-turbo', '2026-10-23Z')) as gone (model, gateway_model, at)
where r.model = gone.model and r.gateway_model = gone.gateway_model;

-- Present models. Prices are list prices for prompts of up to 200,000 tokens, in euros at one dollar each, which is more than they cost. In force from the beginning,
-- like the prices of the other models: usage that was held because the model was unknown has a price, too.
insert into control.model (name, provider, is_local, gateway_model) values
    ('claude-opus-5-5',   'anthropic', false, 'anthropic/claude-opus-5-5'),
    ('claude-sonnet-5-5', 'anthropic', false, 'anthropic/claude-sonnet-5-5'),
    ('gpt-6-sol',         'openai',    false, 'openai/gpt-6-sol'),
    ('gpt-6-luna',        'openai',    false, 'openai/gpt-6-luna'),
    ('gemini-3.8-flash',  'gemini',    false, 'gemini/gemini-3.8-flash')
on conflict do nothing;

-- Not where an operator has added the model already, with a price.
with present (model, effective_from, prompt, cached, cache_write, completion, source) as (values
    ('claude-opus-5-5',   '2000-01-01Z'::timestamptz, 0.004,   null,     null,     0.02,    'https://platform.claude.com/docs/en/models/overview, read 2026-11-30'),
    ('claude-sonnet-5-5', '2000-01-01Z',              0.002,   null,     null,     0.01,    'https://platform.claude.com/docs/en/models/overview, read 2026-11-30'),
    ('gpt-6-sol',         '2000-01-01Z',              0.002,   0.0002,   0.0025,   0.01,    'https://docs.litellm.ai/blog/gpt_6_sol_luna, read 2026-11-30'),
    ('gpt-6-luna',        '2000-01-01Z',              0.0001,  0.00001,  0.000125, 0.0005,  'https://docs.litellm.ai/blog/gpt_6_sol_luna, read 2026-11-30'),
    ('gemini-3.8-flash',  '2000-01-01Z',              0.00075, 0.000075, null,     0.00375, 'https://github.com/BerriAI/litellm/discussions/39357 (half price through 2026), read 2026-11-30'),
    ('gemini-3.8-flash',  '2027-01-01Z',              0.0015,  0.00015,  null,     0.0075,  'https://github.com/BerriAI/litellm/discussions/39357 (from 2027), read 2026-11-30')),
priced as (
    insert into control.model_price (model, effective_from, prompt_eur_per_1000, cached_prompt_eur_per_1000, cache_write_eur_per_1000, completion_eur_per_1000, source)
    select p.* from present p where not exists (select from control.model_price other where other.model = p.model))
insert into control.model_route (model, is_local, provider, gateway_model, effective_from)
select m.name, false, m.provider, m.gateway_model, '2000-01-01Z' from control.model m
where m.name in (select model from present) and not m.is_local and not exists (select from control.model_route r where r.model = m.name);

-- The standard tier has models that run on CPUs, the premium tier those that need a GPU of 48 GB. The names that were sold before stay in their plans.
insert into control.plan_model (plan, model)
select sold.plan, sold.model from (values
    ('basic', 'llama3:8b'), ('basic', 'gemini-3.8-flash'),
    ('premium', 'llama3:8b'), ('premium', 'llama3:70b'), ('premium', 'gemini-3.8-flash'), ('premium', 'gpt-6-sol'), ('premium', 'claude-opus-5-5')) as sold (plan, model)
join control.plan p on p.name = sold.plan join control.model m on m.name = sold.model
on conflict do nothing;

-- Files: sizes of Ollama's library. Context: two values of 16 bits per layer, head of keys and dimension. The two of gemma4 are the figures of the first installation's handbook.
update control.model m set memory_mib = known.mib
from (values ('mistral:7b', 5900), ('mistral:7b-instruct', 5900), ('llama3:8b', 6100), ('llama3:70b', 44032), ('phi3:mini', 5800), ('qwen3:8b', 6700),
             ('gemma4:e4b', 4096), ('gemma4-4b-checkin-fast:latest', 3072)) as known (model, mib)
where m.name = known.model and m.is_local;

grant select on control.model_route, control.model_route_health to control_app, control_job;
-- Operators change the catalog over the API. Prices and routes of the past are never changed: the statements that do it are in Catalog.
grant insert on control.model, control.model_route, control.model_price, control.plan_model to control_job;
grant update (effective_to), delete on control.model_route to control_job;
grant update (prompt_eur_per_1000, cached_prompt_eur_per_1000, cache_write_eur_per_1000, completion_eur_per_1000, reasoning_eur_per_1000, audio_eur_per_1000, eur_per_image, source)
    on control.model_price to control_job;
grant delete on control.plan_model to control_job;
grant insert, update on control.model_route_health to control_job;
