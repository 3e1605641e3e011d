# Sourced by install.sh: what must be so before anything is changed, and what must answer in the end.

# GiB that images, a model and the databases of the first tenants take.
least_disk=20

check_host() {
    [ "$(id -u)" = 0 ] || fail "Run it as root: sudo $0"
    distribution=$(value_in "$DESTDIR/etc/os-release" ID | tr -d '"')
    release_number=$(value_in "$DESTDIR/etc/os-release" VERSION_ID | tr -d '"')
    case $distribution in
        debian | ubuntu) ;;
        *) fail "This is ${distribution:-no Linux that is known here}: install on Debian 13, or on Ubuntu 22.04 or newer." ;;
    esac
}

check_disk() {
    [ ! -f "$settings/platform.env" ] || return 0
    mkdir -p "$data"
    free=$(df -Pk "$data" | awk 'NR == 2 { print int($4 / 1048576) }')
    [ "$free" -ge "$least_disk" ] || fail "$data has $free GiB free, $least_disk are needed: use a larger disk, or name another folder in CONTROLPLANE_DATA."
}

# Environments find the shared parts by these names.
check_names() {
    for name in traefik controlplane postgres ollama; do
        owner=$(docker container inspect --format '{{index .Config.Labels "com.docker.compose.project"}}' "$name" 2>/dev/null) || continue
        [ "$owner" = controlplane ] || fail "There is a container named $name that is not this platform's: rename or remove it (docker container rename $name other)."
    done
}

check_ports() {
    ! is_running traefik || return 0
    for port in 80 443; do
        taken=$(ss -Hltnp "sport = :$port")
        by=$(printf %s "$taken" | sed -n 's/.*users:(("\([^"]*\)".*/\1/p' | head -n 1)
        [ -z "$taken" ] || fail "Port $port is taken${by:+ by $by}: stop that, and keep it from starting again."
    done
}

# PostgreSQL does not read the files of another major version.
check_database() {
    [ -f "$data/postgres/PG_VERSION" ] || return 0
    there=$(cat "$data/postgres/PG_VERSION")
    wanted=$(sed -n 's/^ *image: postgres:\([0-9]*\).*/\1/p' "$here/compose.yaml")
    [ "$there" = "$wanted" ] ||
        fail "The database is of PostgreSQL $there, this release has $wanted: move it with a dump, as docs/operations.md says, before the upgrade."
}

# Through the proxy, as browsers come; the certificate may take a while.
check_answer() {
    tries=30
    until curl --silent --show-error --fail --insecure --max-time 5 --output /dev/null --resolve "$domain:443:127.0.0.1" "https://$domain/readyz" 2>/dev/null; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || fail "https://$domain/readyz does not answer on this host. What the proxy says: controlplane logs --tail 50 traefik"
        sleep 2
    done
}

resolves() { getent ahosts "$1" >/dev/null; }
