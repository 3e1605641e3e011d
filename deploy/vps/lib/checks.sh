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
