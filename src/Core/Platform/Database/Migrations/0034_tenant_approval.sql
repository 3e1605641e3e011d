-- Accounts: since when an operator vouches for the tenant, by creating or by approving it. Of the others nothing is known but an email address: see TenantApproval.
alter table control.tenant
    add column approved_at timestamptz,
    -- The network of the signup of a tenant that is not approved: it counts with the mail that the tenant causes. Not kept for longer than signups.
    add column signup_network text;
create index on control.tenant (verified_at) where signup_network is not null;

-- Those that an operator has created, and paying ones that have used the platform. Trials stay in the share that is theirs.
update control.tenant t set approved_at = now()
where t.status in ('active', 'suspended')
  and (exists (select from control.audit_log a where a.tenant_id = t.id and a.action = 'tenant.created')
       or (exists (select from control.environment e where e.tenant_id = t.id and e.first_ready_at is not null)
           and not exists (select from control.subscription s where s.tenant_id = t.id and s.trial_ends_at is not null)));

-- Privacy: the next ids of a tenant are found without reading all of them.
create index on control.erasure (tenant_id, requested_at, user_id);
