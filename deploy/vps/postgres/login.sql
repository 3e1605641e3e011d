-- Run once when the database is initialized. The control plane's login owns its database and may create roles and databases for environments. It is not a
-- superuser.
\getenv password CONTROLPLANE_DATABASE_PASSWORD
create role controlplane login createrole createdb password :'password';
create database controlplane owner controlplane;
revoke connect on database postgres, template1 from public;
