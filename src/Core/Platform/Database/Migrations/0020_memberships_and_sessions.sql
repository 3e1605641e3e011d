-- One person may be a member of several tenants: a confirmed address is no longer unique. The former release keeps working: it asks for the
-- confirmed member of an address and gets the one that signed in last.
drop index control.member_email;
alter table control.member add column signed_in_at timestamptz;

-- Sessions also end after inactivity. Sessions of the former release count from this migration or from their start.
alter table control.member_session add column last_seen_at timestamptz not null default now();
grant update on control.member_session to control_job;

-- Counts of attempts, shared by all processes: failed sign-ins, mails to one recipient, invitations of one tenant. They precede the tenant, so
-- there is no row-level security; the subject is a hash or an id. A count starts again a period after its first attempt.
create table control.rate_counter (
    scope text not null,
    subject bytea not null,
    -- The network or device that the attempts came from; empty where that does not matter.
    origin text not null,
    used int not null,
    since timestamptz not null,
    primary key (scope, subject, origin)
);
create index on control.rate_counter (since);
grant select, insert, update, delete on control.rate_counter to control_app, control_job;

-- A link may also confirm a new address.
alter table control.member_token drop constraint member_token_purpose_check;
alter table control.member_token add constraint member_token_purpose_check check (purpose in ('verify', 'reset', 'invite', 'email'));
alter table control.member_token add column new_email text check (length(new_email) between 3 and 254);
