#!/bin/sh
# Initializes the cluster as the entry point of the image postgres does, for the control plane's server. Environments bring their own script.
set -eu
if [ "$1" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
    printf %s "$POSTGRES_PASSWORD" >/tmp/password
    initdb --pgdata "$PGDATA" --username postgres --pwfile /tmp/password --auth-local trust --auth-host scram-sha-256 --encoding UTF8 --locale C.UTF-8 >/dev/null
    echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
    pg_ctl start --wait --options "-c listen_addresses='' -c unix_socket_directories=/tmp" >/dev/null
    for file in /docker-entrypoint-initdb.d/*.sql; do
        psql --host /tmp --username postgres --dbname postgres --no-psqlrc --quiet --set ON_ERROR_STOP=1 --file "$file"
    done
    pg_ctl stop --wait --mode fast >/dev/null
fi
[ "$1" != postgres ] || set -- "$@" -c listen_addresses='*'
exec "$@"
