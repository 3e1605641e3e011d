#!/bin/sh
# Backs up the database, including the environments' schemas, to DATA/backups and deletes backups older than seven days. To restore: docs/operations.md.
set -eu
umask 077
data=$(sed -n 's/^CONTROLPLANE_DATA=//p' "${DESTDIR:-}/etc/controlplane/platform.env")
now=$(date -u +%Y-%m-%dT%H%M%SZ)
# Backups are renamed when complete, so an interrupted one is never mistaken for a backup.
trap 'rm -f "$data/backups/partial.$$"' EXIT

write_backup() { # write_backup NAME COMMAND…
    name=$1
    shift
    docker exec postgres "$@" >"$data/backups/partial.$$" || {
        echo "Backup $name failed." >&2
        exit 1
    }
    mv "$data/backups/partial.$$" "$data/backups/$name"
}

write_backup "$now-roles.sql" pg_dumpall --username postgres --roles-only
write_backup "$now.dump" pg_dump --username postgres --format custom controlplane
find "$data/backups" -type f -mtime +7 -delete
