-- Run once when the database is initialized. The control plane's login owns its database and may create roles for environments. It is not a superuser.
\getenv password CONTROLPLANE_DATABASE_PASSWORD
create role controlplane login createrole password :'password';
create database controlplane owner controlplane;
