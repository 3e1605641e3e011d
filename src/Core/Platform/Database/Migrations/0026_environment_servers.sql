-- Provisioning: every environment has a database server of its own (docs/decisions/0035). database_name and moved_at say where earlier releases kept its data on
-- this server, until it is moved. The former release keeps creating databases here until it is stopped; those environments are moved as well.
alter table control.environment
    -- When its data was copied from this server to its own. null: not yet, or there was nothing to copy.
    add column own_server_at timestamptz;
