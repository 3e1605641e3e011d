-- Run once, when the database is made. The control plane's login owns its database and may make the roles of environments; it is no superuser.
\getenv password CONTROLPLANE_DATABASE_PASSWORD
create role controlplane login createrole password :'password';
create database controlplane owner controlplane;
