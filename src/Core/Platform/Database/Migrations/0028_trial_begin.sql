-- Written by Provisioning. When an environment was ready for the first time: its tenant's trial begins then, however long it has waited for room. Trials
-- whose environments exist already keep their end.
alter table control.environment add column first_ready_at timestamptz;
update control.environment set first_ready_at = updated_at where state <> 'requested';
