#!/bin/sh
# Restores an environment's database from a backup. A backup contains what its tenant has stored, such as functions that run while rows are restored. So the
# superuser creates the empty database only, and each schema is restored by the login that owns it, which has no rights anywhere else.
set -eu

usage() {
    cat <<'EOF'
Usage: deploy/vps/restore-environment.sh BACKUP

Restores the database of an environment from a file such as DATA/backups/2026-01-31T013000Z-env_….dump, and replaces the present one once everything is
restored. If it fails, the present database stays as it is. The environment's logins must exist: on a new host, restore the roles first (docs/operations.md).
EOF
}

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

case ${1:-} in
    -h | --help) usage && exit ;;
esac
[ $# = 1 ] || {
    usage >&2
    exit 1
}
backup=$1
[ -f "$backup" ] || fail "There is no file $backup."
name=$(printf %s "${backup##*/}" | sed -n 's/^[0-9TZ-]*Z-\(env_[0-9a-z_]*\)\.dump$/\1/p')
[ -n "$name" ] || fail "$backup is not a backup of an environment: its name must end with -env_….dump."
new=${name}_new

# As the superuser, in a database that no tenant can change: administer STATEMENTS
administer() {
    printf 'set client_min_messages = warning;\n%s\n' "$1" |
        docker exec -i postgres psql --username postgres --dbname "${2:-postgres}" --quiet --set ON_ERROR_STOP=1
}

# Over the Unix socket in the container, where the server trusts every login: restore LOGIN SCHEMA
restore() {
    docker exec -i postgres pg_restore --username "$1" --dbname "$new" --no-owner --no-privileges --exit-on-error --schema "$2" <"$backup" ||
        fail "The schema $2 of $backup could not be restored. The database $name is unchanged."
}

# Without effect after it was renamed.
trap 'administer "drop database if exists $new with (force);"' EXIT
administer "drop database if exists $new with (force);
create database $new owner control_provision template template0 encoding 'UTF8';
revoke all on database $new from public;
grant connect on database $new to $name, ${name}_gateway, controlplane;"
administer "create schema open_webui authorization $name;
create schema litellm authorization ${name}_gateway;" "$new"
restore "$name" open_webui
restore "${name}_gateway" litellm
administer "drop database if exists $name with (force);
alter database $new rename to $name;"
