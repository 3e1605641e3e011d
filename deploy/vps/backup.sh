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
size_limit=unlimited

# Of a database that cannot be backed up, the newest backup is kept: write_backup NAME CONTAINER COMMAND…
write_backup() {
    name=$1 container=$2
    shift 2
    # In seconds, and inside: a process in the container outlives its docker command.
    if (ulimit -f "$size_limit" && docker exec "$container" timeout 900 "$@") >"$data/backups/partial.$$"; then
        mv "$data/backups/partial.$$" "$data/backups/$now$name"
        return
    fi
    # What was written would otherwise take up the room of the next one.
    rm -f "$data/backups/partial.$$"
    failed="$failed $now$name"
    keep_newest "$name"
}

keep_newest() {
    for newest in "$data"/backups/*Z"$1"; do :; done
    [ ! -f "$newest" ] || touch "$newest"
}

# A tenant may hold locks in its database, and must not hold up the others' backups: write_dump NAME CONTAINER DATABASE
write_dump() { write_backup "$1" "$2" pg_dump --username postgres --lock-wait-timeout=60s --format custom "$3"; }

# Prints how many blocks of 512 bytes the disk has beyond the reserve of the control plane.
room() {
    reserve=$(sed -n 's/^CONTROLPLANE_DISK_RESERVE=//p' "${DESTDIR:-}/etc/controlplane/controlplane.env" | tail -n 1)
    df -Pk "$data/backups" | awk -v reserve="${reserve:-5}" 'NR == 2 { printf "%.0f", 2 * ($4 - reserve * 1048576) }'
}

# Backups of what environments store must not fill the disk.
write_environment() {
    size_limit=$(room)
    if [ "$size_limit" -gt 0 ]; then
        write_dump "$@"
    else
        failed="$failed $now$1"
        keep_newest "$1"
    fi
}

write_backup -roles.sql postgres pg_dumpall --username postgres --roles-only
write_dump .dump postgres controlplane
status=${failed:+1}

# Each environment has a server of its own. That of a suspended one is stopped, and its newest backup stays the newest.
servers=$(docker ps --all --filter label=com.docker.compose.service=database --filter name=^tenant- --format '{{.Label "com.docker.compose.project"}} {{.State}}') ||
    failed="$failed list-of-environments"
while read -r project state; do
    case $state in
        '') ;;
        created | exited) keep_newest "-$project.dump" ;;
        *) write_environment "-$project.dump" "$project-database-1" environment ;;
    esac
done <<END
$servers
END

# Those that an earlier release kept on the control plane's server, until they are moved.
names=$(docker exec postgres psql --username postgres --tuples-only --no-align --command "select datname from pg_database where datname like 'env\_%' and datallowconn") ||
    failed="$failed list-of-former-databases"
for name in $names; do
    write_environment "-$name.dump" postgres "$name"
done
find "$data/backups" -type f -mtime +7 -delete
[ -z "$failed" ] || {
    echo "These backups failed:$failed" >&2
    exit "${status:-2}"
}
