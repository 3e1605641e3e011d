-- Run before every upgrade: rights that login.sql did not grant in earlier releases, and those of PUBLIC, which environments that are not moved yet have.
alter role controlplane createdb;
revoke connect on database postgres, template1 from public;
