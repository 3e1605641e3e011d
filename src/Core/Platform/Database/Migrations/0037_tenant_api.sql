-- Accounts: a key for calls to the tenant's own API. It gives no other right, and all its calls are those of one user, whose limits apply to them.
alter table control.tenant_key
    add column user_id text,
    add constraint tenant_key_of_a_user check (case when user_id is null then not 'chat' = any (scopes) else scopes = '{chat}' end);

-- Catalog: whether environments have an API, and how much their gateways let pass within a minute, chats and API together; null: any amount.
alter table control.plan add column api_access boolean not null default false;
alter table control.plan_terms
    add column requests_per_minute int check (requests_per_minute > 0),
    add column tokens_per_minute int check (tokens_per_minute > 0);

update control.plan set api_access = true where name in ('basic', 'premium', 'enterprise');
update control.plan_terms t set requests_per_minute = l.requests, tokens_per_minute = l.tokens
from (values ('trial', 20, 20000), ('basic', 60, 50000), ('premium', 300, 300000)) l (plan, requests, tokens)
where t.plan = l.plan;
