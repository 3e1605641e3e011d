#!/bin/sh
# Writes the database, with the environments' in it, to DATA/backups and removes what is older than seven days. docs/operations.md says how to restore.
set -eu
umask 077
data=$(sed -n 's/^CONTROLPLANE_DATA=//p' "${DESTDIR:-}/etc/controlplane/platform.env")
now=$(date -u +%Y-%m-%dT%H%M%SZ)
# A backup that was cut short never has a backup's name.
trap 'rm -f "$data/backups/unfinished.$$"' EXIT

keep() { # keep NAME COMMAND…
    name=$1
    shift
    docker exec postgres "$@" >"$data/backups/unfinished.$$" || {
        echo "The backup $name failed." >&2
        exit 1
    }
    mv "$data/backups/unfinished.$$" "$data/backups/$name"
}

keep "$now-roles.sql" pg_dumpall --username postgres --roles-only
keep "$now.dump" pg_dump --username postgres --format custom controlplane
find "$data/backups" -type f -mtime +7 -delete
