-- Plans and models are effective-dated data. A change is a new row with a later date; nothing that happened is repriced.
-- null in a limit means unlimited, null in a price means agreed with the customer.
create table control.plan (
    name text primary key,
    ordinal int not null unique,
    title text not null,
    self_service boolean not null,
    all_models boolean not null,
    support text not null,
    compute text not null
);

create table control.plan_terms (
    plan text not null references control.plan,
    effective_from timestamptz not null,
    price_eur_per_month numeric(10, 2) check (price_eur_per_month >= 0),
    trial_days int check (trial_days > 0),
    tokens_per_day bigint check (tokens_per_day > 0),
    tokens_per_month bigint check (tokens_per_month > 0),
    month_is_hard boolean not null,
    overage_eur_per_1000 numeric(12, 6) check (overage_eur_per_1000 >= 0),
    rag_files int check (rag_files >= 0),
    web_searches_per_month int check (web_searches_per_month >= 0),
    images_per_month int check (images_per_month >= 0),
    primary key (plan, effective_from)
);

create table control.model (
    name text primary key,
    provider text not null,
    is_local boolean not null,
    -- What LiteLLM calls it: provider prefix and name.
    gateway_model text not null
);

create table control.plan_model (
    plan text not null references control.plan,
    model text not null references control.model,
    primary key (plan, model)
);

create table control.model_price (
    model text not null references control.model,
    effective_from timestamptz not null,
    prompt_eur_per_1000 numeric(12, 6) not null check (prompt_eur_per_1000 >= 0),
    completion_eur_per_1000 numeric(12, 6) not null check (completion_eur_per_1000 >= 0),
    primary key (model, effective_from)
);

insert into control.plan (name, ordinal, title, self_service, all_models, support, compute) values
    ('trial',      1, 'Trial',      true,  false, 'community',  'shared CPU Ollama'),
    ('basic',      2, 'Basic',      true,  false, 'standard',   'shared CPU Ollama'),
    ('premium',    3, 'Premium',    true,  false, 'priority',   'GPU'),
    ('enterprise', 4, 'Enterprise', false, true,  '99.9 % SLA', 'dedicated GPU');

insert into control.plan_terms
    (plan, effective_from, price_eur_per_month, trial_days, tokens_per_day, tokens_per_month, month_is_hard,
     overage_eur_per_1000, rag_files, web_searches_per_month, images_per_month) values
    ('trial',      '2000-01-01Z', 0.00,  14,   10000,  100000,   true,  null,  0,    0,    0),
    ('basic',      '2000-01-01Z', 9.90,  null, 50000,  1000000,  false, 0.01,  5,    100,  0),
    ('premium',    '2000-01-01Z', 49.90, null, 500000, 10000000, false, 0.008, null, null, 100),
    ('enterprise', '2000-01-01Z', null,  null, null,   null,     false, null,  null, null, null);

insert into control.model (name, provider, is_local, gateway_model) values
    ('gemma4-4b-checkin-fast:latest', 'ollama', true, 'ollama_chat/gemma4-4b-checkin-fast:latest'),
    ('gemma4:e4b',          'ollama',    true,  'ollama_chat/gemma4:e4b'),
    ('mistral:7b',          'ollama',    true,  'ollama_chat/mistral:7b'),
    ('mistral:7b-instruct', 'ollama',    true,  'ollama_chat/mistral:7b-instruct'),
    ('qwen3:8b',            'ollama',    true,  'ollama_chat/qwen3:8b'),
    ('llama3:8b',           'ollama',    true,  'ollama_chat/llama3:8b'),
    ('llama3:70b',          'ollama',    true,  'ollama_chat/llama3:70b'),
    ('phi3:mini',           'ollama',    true,  'ollama_chat/phi3:mini'),
    ('gpt-4-turbo',         'openai',    false, 'openai/gpt-4-turbo'),
    ('gpt-3.5-turbo',       'openai',    false, 'openai/gpt-3.5-turbo'),
    ('gemini-1.5-pro',      'gemini',    false, 'gemini/gemini-1.5-pro'),
    ('gemini-pro',          'gemini',    false, 'gemini/gemini-pro'),
    ('claude-3-opus',       'anthropic', false, 'anthropic/claude-3-opus'),
    ('claude-3-sonnet',     'anthropic', false, 'anthropic/claude-3-sonnet');

insert into control.plan_model (plan, model) values
    ('trial', 'mistral:7b-instruct'),
    ('basic', 'mistral:7b-instruct'), ('basic', 'gemini-pro'),
    ('premium', 'mistral:7b-instruct'), ('premium', 'gemini-1.5-pro'), ('premium', 'gpt-4-turbo'), ('premium', 'claude-3-opus');

insert into control.model_price (model, effective_from, prompt_eur_per_1000, completion_eur_per_1000)
select model.name, '2000-01-01Z', coalesce(paid.price, 0), coalesce(paid.price, 0)
from control.model
left join (values ('gpt-4-turbo', 0.01), ('gpt-3.5-turbo', 0.0015), ('gemini-1.5-pro', 0.0035), ('gemini-pro', 0.0005),
                  ('claude-3-opus', 0.015), ('claude-3-sonnet', 0.003)) as paid (name, price) on paid.name = model.name;

grant select on control.plan, control.plan_terms, control.model, control.plan_model, control.model_price to control_app, control_job;
