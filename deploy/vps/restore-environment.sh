#!/bin/sh
# Restores an environment's database from a backup. A backup contains what its tenant has stored, such as functions that run while rows are restored. So the
# superuser creates the empty database only, and each schema is restored by the login that owns it, which has no rights anywhere else.
set -eu

usage() {
    cat <<'EOF'
Usage: deploy/vps/restore-environment.sh SLUG BACKUP

Restores the database of the environment SLUG from a file such as DATA/backups/2026-01-31T013000Z-tenant-ID.dump, where ID is its tenant's id (the slug, for an
environment of a release up to 0.2), and replaces the present one once everything is restored. If it fails, the present database stays as it is. The environment's database server must run: on a new host, restart the environment in the portal or
retry it in /admin first (docs/operations.md).
EOF
}

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

case ${1:-} in
    -h | --help) usage && exit ;;
esac
[ $# = 2 ] || {
    usage >&2
    exit 1
}
slug=$1 backup=$2
[ -f "$backup" ] || fail "There is no file $backup."
case $slug in *[!a-z0-9-]*) fail "$slug is not the slug of a tenant." ;; esac

# Prints a column of the environment: look_up EXPRESSION
look_up() {
    docker exec postgres psql --username postgres --dbname controlplane --no-psqlrc --tuples-only --no-align --command \
        "select $1 from control.environment e join control.tenant t on t.id = e.tenant_id where t.slug = '$slug'"
}

name=$(look_up 'coalesce(e.former_name, e.tenant_id::text)')
[ -n "$name" ] || fail "There is no environment $slug."
case $backup in
    *-env_*.dump) # Made before the environment was moved to a server of its own. The name is random.
        database=$(look_up e.database_name)
        case $backup in
            *"Z-${database:-none}.dump") ;;
            *) fail "$backup is not a backup of the environment $slug: its name must end with Z-$database.dump." ;;
        esac
        ;;
    *"Z-tenant-$name.dump") ;;
    *) fail "$backup is not a backup of the environment $slug: its name must end with Z-tenant-$name.dump." ;;
esac
container=tenant-$name-database-1
[ "$(docker container inspect --format '{{.State.Running}}' "$container" 2>/dev/null)" = true ] ||
    fail "The database server of $slug, the container $container, is not running: restart or resume the environment first."

# As the superuser, in a database that no tenant can change: administer STATEMENTS
administer() {
    printf 'set client_min_messages = warning;\n%s\n' "$1" |
        docker exec -i "$container" psql --username postgres --dbname "${2:-postgres}" --no-psqlrc --quiet --set ON_ERROR_STOP=1
}

# Over the Unix socket in the container, where the server trusts every login: restore SCHEMA, which has the name of its login
restore() {
    docker exec -i "$container" pg_restore --username "$1" --dbname restored --no-owner --no-privileges --exit-on-error --schema "$1" <"$backup" ||
        fail "The schema $1 of $backup could not be restored. The database of $slug is unchanged."
}

# Without effect after it was renamed.
trap 'administer "drop database if exists restored with (force);"' EXIT
administer "drop database if exists restored with (force);
create database restored template template0 encoding 'UTF8';
revoke all on database restored from public;
grant connect on database restored to open_webui, litellm;"
administer "create schema open_webui authorization open_webui;
create schema litellm authorization litellm;" restored
restore open_webui
restore litellm
administer "drop database if exists environment with (force);
alter database restored rename to environment;"
