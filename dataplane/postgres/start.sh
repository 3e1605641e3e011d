#!/bin/sh
# Starts an environment's PostgreSQL; the arguments are settings of the server. The logins are created or updated before it accepts connections.
set -eu
temporary=${TMPDIR:-/tmp}

# Renamed when it is complete, so that one that was interrupted starts again.
if [ ! -d "$PGDATA" ]; then
    rm -rf "$PGDATA.new"
    initdb --pgdata "$PGDATA.new" --username postgres --encoding UTF8 --locale C.UTF-8 --auth trust >/dev/null
    mv "$PGDATA.new" "$PGDATA"
fi

# Through the socket in this container, every login without a password. From the network the environment's two logins, and never the superuser.
printf '%s\n' 'local all all trust' 'host environment open_webui,litellm all scram-sha-256' >"$temporary/pg_hba.conf"

# On a socket that only this script uses: the health check must not succeed yet. Recovery after a crash may take minutes.
pg_ctl start --wait --timeout 900 --options "-c listen_addresses='' -c unix_socket_directories=$temporary -c hba_file=$temporary/pg_hba.conf" >/dev/null
psql --host "$temporary" --username postgres --dbname postgres --no-psqlrc --quiet --set ON_ERROR_STOP=1 --file "$(dirname "$0")/logins.sql"
pg_ctl stop --wait --mode fast >/dev/null

# Of the connections, 20 are for the logins (logins.sql) and three for the superuser. Log lines contain no values, which may be passwords or chats.
exec postgres -c listen_addresses='*' -c hba_file="$temporary/pg_hba.conf" -c max_connections=25 -c superuser_reserved_connections=3 \
    -c temp_file_limit=1GB -c max_wal_size=256MB -c wal_level=minimal -c max_wal_senders=0 -c max_parallel_workers_per_gather=0 \
    -c autovacuum_max_workers=2 -c maintenance_work_mem=32MB -c jit=off -c password_encryption=scram-sha-256 \
    -c log_min_error_statement=panic -c log_error_verbosity=terse -c log_checkpoints=off "$@"
