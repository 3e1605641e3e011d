#!/bin/sh
# Backs up the control plane's database and those of the environments to DATA/backups and deletes backups older than seven days. To restore: docs/operations.md.
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
names=$(docker exec postgres psql --username postgres --tuples-only --no-align --command "select datname from pg_database where datname like 'env\_%' and datallowconn")
for name in $names; do
    write_backup "$now-$name.dump" pg_dump --username postgres --format custom "$name"
done
find "$data/backups" -type f -mtime +7 -delete
