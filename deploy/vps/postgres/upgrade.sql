-- Run before every upgrade: rights that login.sql did not grant in earlier releases. Environments have databases of their own, and connect to no other.
alter role controlplane createdb;
revoke connect on database postgres, template1 from public;
