-- Run once when the database is initialized. The control plane's login owns its database and creates the roles that its statements run as. Nothing uses createdb,
-- but migration 15 warns without it. It is not a superuser.
\getenv password CONTROLPLANE_DATABASE_PASSWORD
create role controlplane login createrole createdb password :'password';
create database controlplane owner controlplane;
revoke connect on database postgres, template1 from public;
