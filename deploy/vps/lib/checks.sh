# Sourced by install.sh: preconditions that are checked before any change, and the final check that the platform responds.

# GiB needed for the images, a model and the databases of the first tenants.
minimum_disk=20

check_host() {
    [ "$(id -u)" = 0 ] || fail "Run it as root: sudo $0"
    distribution=$(value_in "$DESTDIR/etc/os-release" ID | tr -d '"')
    release_number=$(value_in "$DESTDIR/etc/os-release" VERSION_ID | tr -d '"')
    case $distribution in
        debian | ubuntu) ;;
        *) fail "Unsupported distribution ${distribution:-(unknown)}: use Debian 13, or Ubuntu 22.04 or newer." ;;
    esac
}

check_disk() {
    [ ! -f "$settings/platform.env" ] || return 0
    mkdir -p "$data"
    free=$(df -Pk "$data" | awk 'NR == 2 { print int($4 / 1048576) }')
    [ "$free" -ge "$minimum_disk" ] || fail "$data has $free GiB of free space, but $minimum_disk GiB are required: use a larger disk, or set CONTROLPLANE_DATA to another folder."
}

# Only file systems with project quotas limit the size of a volume; the engine refuses to create one elsewhere.
check_volume_limit() {
    [ -n "$(value_in "$settings/controlplane.env" CONTROLPLANE_VOLUME_LIMIT)" ] || return 0
    docker volume create --opt size=1g controlplane-quota >/dev/null 2>&1 ||
        fail "CONTROLPLANE_VOLUME_LIMIT is set, but Docker cannot limit volumes here: keep them on XFS mounted with pquota (docs/operations.md), or remove the setting."
    docker volume rm controlplane-quota >/dev/null
}

# Whether Docker's volumes are on the same disk as the control plane's database.
shares_disk() {
    volumes=$(docker info --format '{{.DockerRootDir}}')
    [ -n "$volumes" ] && [ "$(disk_of "$volumes")" = "$(disk_of "$data/postgres")" ]
}

disk_of() { df -Pk "$1" | awk 'NR == 2 { print $1 }'; }

# Environments connect to the shared containers by these names.
check_names() {
    for name in traefik controlplane postgres ollama; do
        owner=$(docker container inspect --format '{{index .Config.Labels "com.docker.compose.project"}}' "$name" 2>/dev/null) || continue
        [ "$owner" = controlplane ] || fail "Another container is already named $name: rename or remove it (docker container rename $name other)."
    done
}

check_ports() {
    ! is_running traefik || return 0
    for port in 80 443; do
        listener=$(ss -Hltnp "sport = :$port")
        process=$(printf %s "$listener" | sed -n 's/.*users:(("\([^"]*\)".*/\1/p' | head -n 1)
        [ -z "$listener" ] || fail "Port $port is in use${process:+ by $process}: stop and disable the service that uses it."
    done
}

# PostgreSQL cannot read the data files of another major version.
check_database() {
    [ -f "$data/postgres/PG_VERSION" ] || return 0
    installed=$(cat "$data/postgres/PG_VERSION")
    required=$(sed -n 's/^ *image: postgres:\([0-9]*\).*/\1/p' "$here/compose.yaml")
    [ "$installed" = "$required" ] ||
        fail "The database uses PostgreSQL $installed, but this release requires $required: migrate it with a dump before the upgrade (docs/operations.md)."
}

# Through the proxy, like a browser. The certificate may not have been issued yet.
check_response() {
    tries=30
    until curl --silent --show-error --fail --insecure --max-time 5 --output /dev/null --resolve "$domain:443:127.0.0.1" "https://$domain/readyz" 2>/dev/null; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || fail "https://$domain/readyz does not respond on this host. See controlplane logs --tail 50 traefik"
        sleep 2
    done
}

resolves() { getent ahosts "$1" >/dev/null; }
