#!/bin/sh
# Backs up the control plane's database and those of the environments to DATA/backups and deletes backups older than seven days. To restore: docs/operations.md.
# Exits with 1 when the control plane's database or the roles could not be backed up, and with 2 when only environments could not. All others are.
set -eu
umask 077
data=$(sed -n 's/^CONTROLPLANE_DATA=//p' "${DESTDIR:-}/etc/controlplane/platform.env")
now=$(date -u +%Y-%m-%dT%H%M%SZ)
# Backups are renamed when complete, so an interrupted one is never mistaken for a backup.
trap 'rm -f "$data/backups/partial.$$"' EXIT
failed=''

# Of a database that cannot be backed up, the newest backup is kept: write_backup NAME COMMAND…
write_backup() {
    name=$1
    shift
    # In seconds, and inside: a process in the container outlives its docker command.
    if docker exec postgres timeout 900 "$@" >"$data/backups/partial.$$"; then
        mv "$data/backups/partial.$$" "$data/backups/$now$name"
        return
    fi
    failed="$failed $now$name"
    for newest in "$data"/backups/*Z"$name"; do :; done
    [ ! -f "$newest" ] || touch "$newest"
}

# A tenant may hold locks in its database, and must not hold up the others' backups.
write_dump() { write_backup "$1" pg_dump --username postgres --lock-wait-timeout=60s --format custom "$2"; }

write_backup -roles.sql pg_dumpall --username postgres --roles-only
write_dump .dump controlplane
status=${failed:+1}
names=$(docker exec postgres psql --username postgres --tuples-only --no-align --command "select datname from pg_database where datname like 'env\_%' and datallowconn") ||
    failed="$failed list-of-environments"
for name in $names; do
    write_dump "-$name.dump" "$name"
done
find "$data/backups" -type f -mtime +7 -delete
[ -z "$failed" ] || {
    echo "These backups failed:$failed" >&2
    exit "${status:-2}"
}
