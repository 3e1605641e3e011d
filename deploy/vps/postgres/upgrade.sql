-- Run before every upgrade: createdb as in login.sql, which did not grant it in earlier releases, and the rights of PUBLIC, which environments that are not moved yet have.
alter role controlplane createdb;
revoke connect on database postgres, template1 from public;
