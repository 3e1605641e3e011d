-- Written by Provisioning: since when an environment is stopped because an invoice is unpaid or the contract has ended. null: it is not.
alter table control.environment add column unpaid_at timestamptz;
