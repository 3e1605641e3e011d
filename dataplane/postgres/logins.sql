-- The logins and schemas of an environment's database: one each for Open WebUI and for the gateway, whose keys and budgets Open WebUI's administrators must not reach.
-- Run by psql as the superuser at each start; repeating it changes nothing.
\getenv webui_password DATABASE_PASSWORD
\getenv gateway_password GATEWAY_DATABASE_PASSWORD
set client_min_messages = warning;

select format('create role %I', name) from unnest(array['open_webui', 'litellm']) as name
where not exists (select from pg_roles where rolname = name) \gexec
select 'create database environment' where not exists (select from pg_database where datname = 'environment') \gexec

-- Open WebUI has a pool of 8 connections, the gateway one of 5; both migrate at start. A client can change its timeouts, and then holds up its own environment only.
alter role open_webui login connection limit 12 password :'webui_password';
alter role open_webui set search_path = open_webui;
alter role litellm login connection limit 8 password :'gateway_password';
alter role litellm set search_path = litellm;
select format('alter role %I set %s', name, setting)
from unnest(array['open_webui', 'litellm']) as name, unnest(array['statement_timeout = ''15min''', 'idle_in_transaction_session_timeout = ''1min''']) as setting \gexec

revoke all on database environment, postgres, template1 from public;
grant connect on database environment to open_webui, litellm;

\connect environment
set client_min_messages = warning;
create schema if not exists open_webui authorization open_webui;
create schema if not exists litellm authorization litellm;
