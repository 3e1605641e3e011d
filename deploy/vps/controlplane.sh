#!/bin/sh
# Runs docker compose for the platform with its settings: controlplane start, controlplane stop, controlplane ollama COMMAND, or any docker compose
# command (ps, logs, pull …).
set -eu
here=$(dirname -- "$(readlink -f -- "$0")")
settings=${DESTDIR:-}/etc/controlplane

compose() { docker compose --project-name controlplane --env-file "$settings/platform.env" --file "$here/compose.yaml" "$@"; }

# Recreated containers, as after an upgrade, are no longer connected to the tenants' networks. Ollama belongs to those of the gateways only: whoever
# reaches it can use and delete the models of all tenants. The database belongs to none, but an environment of an earlier release uses it until it is moved.
# Each network fails alone.
connect_tenant_networks() {
    tenant_networks=$(networks tenant)
    model_networks=$(networks models)
    for network in $tenant_networks; do
        connect "$network" traefik
        disconnect "$network" ollama
        case $(docker ps --all --filter "network=$network" --filter label=controlplane.tenant --format 'database={{.Label "controlplane.database"}}') in
            database=) connect "$network" postgres ;;
            *) disconnect "$network" postgres ;;
        esac
    done
    for network in $model_networks; do
        # An environment with an Ollama of its own does not use the shared one.
        case $(members "$network") in *-ollama-dedicated-*) ;; *) connect "$network" ollama ;; esac
    done
}

networks() { docker network ls --filter "label=controlplane.$1" --format '{{.Name}}'; }

members() { docker network inspect --format '{{range .Containers}}{{.Name}} {{end}}' "$1"; }

# connect NETWORK CONTAINER
connect() {
    connected=$(members "$1") || connected=
    case " $connected" in
        *" $2 "*) ;;
        *) docker network connect "$1" "$2" || record_failure "$1" ;;
    esac
}

# Each connection costs the proxy memory, also an idle one without a request: so their number per client address is limited (with IPv6 per network). A closed one has a place in the
# kernel's table of connections, which the host and all containers share, for a while longer: so there is a limit per second as well. Docker evaluates DOCKER-USER before it forwards to published ports. The rule is in a chain of its own, which is emptied first: the limit may have changed.
limit_connections() {
    limit=$(sed -n 's/^CONTROLPLANE_CONNECTIONS=//p' "$settings/platform.env")
    for tables in iptables:32 ip6tables:64; do
        tables_command=${tables%:*}
        if [ "$limit" = 0 ]; then
            "$tables_command" --wait --flush CONTROLPLANE 2>/dev/null || :
        else
            insert_limit "$tables_command" "${tables#*:}" || echo "Connections of one address are not limited: $tables_command refused the rule." >&2
        fi
    done
}

# insert_limit COMMAND MASK
insert_limit() {
    "$1" --wait --new-chain CONTROLPLANE 2>/dev/null || "$1" --wait --flush CONTROLPLANE || return 1
    "$1" --wait --append CONTROLPLANE --protocol tcp --syn --match conntrack --ctstate DNAT --ctorigdstport 80:443 \
        --match hashlimit --hashlimit-above 50/second --hashlimit-burst 500 --hashlimit-mode srcip --hashlimit-srcmask "$2" --hashlimit-name controlplane --jump DROP || return 1
    "$1" --wait --append CONTROLPLANE --protocol tcp --syn --match conntrack --ctstate DNAT --ctorigdstport 80:443 \
        --match connlimit --connlimit-above "$limit" --connlimit-mask "$2" --jump REJECT --reject-with tcp-reset || return 1
    [ "$1" != iptables ] || limit_environments "$@" || return 1
    "$1" --wait --check DOCKER-USER --jump CONTROLPLANE 2>/dev/null || "$1" --wait --insert DOCKER-USER --jump CONTROLPLANE
}

# limit_environments COMMAND MASK: of the packets within one network, because environments share networks with the proxy, which are IPv4 only.
limit_environments() {
    # No tenant's code is in the platform's own networks, where all requests to the control plane come from one address, the proxy's. There are none where Compose has failed.
    for network in $(docker network ls --filter label=com.docker.compose.project=controlplane --format '{{.ID}}'); do
        "$1" --wait --append CONTROLPLANE --in-interface "br-$network" --jump RETURN || return 1
    done
    # All visitors of an environment come to Open WebUI from the proxy's address, too. Nothing else listens on that port there, and a connection that is refused keeps no place.
    "$1" --wait --append CONTROLPLANE --protocol tcp --syn ! --dport 8080 --match physdev --physdev-is-bridged \
        --match hashlimit --hashlimit-above 50/second --hashlimit-burst 500 --hashlimit-mode srcip --hashlimit-name environments --jump DROP || return 1
    # A single packet of another protocol has a place as well. Names are not among them: Docker answers for names inside of each container.
    "$1" --wait --append CONTROLPLANE ! --protocol tcp --match physdev --physdev-is-bridged --match conntrack --ctstate NEW \
        --match hashlimit --hashlimit-above 50/second --hashlimit-burst 500 --hashlimit-mode srcip --hashlimit-name datagrams --jump DROP || return 1
    "$1" --wait --append CONTROLPLANE --protocol tcp --syn --match physdev --physdev-is-bridged --match multiport --dports 80,443,8081 \
        --match connlimit --connlimit-above "$limit" --connlimit-mask "$2" --jump REJECT --reject-with tcp-reset
}

# What the kernel has once for the host and all containers. Packets within a network pass the rules above only with br_netfilter, which not every Docker loads. And the
# usual table of neighbours has 1,024 places, which a few environments could fill: then no container reaches another. The table of connections takes 320 bytes a place.
configure_kernel() {
    modprobe br_netfilter 2>/dev/null || :
    sysctl --quiet --write net.bridge.bridge-nf-call-iptables=1 net.ipv4.neigh.default.gc_thresh3=16384 net.ipv4.neigh.default.gc_thresh2=8192 net.ipv4.neigh.default.gc_thresh1=4096 \
        net.netfilter.nf_conntrack_max=1048576 net.netfilter.nf_conntrack_tcp_timeout_time_wait=30 ||
        echo "Some settings of the kernel could not be changed: containers of one environment may disturb others (docs/security.md)." >&2
}

# ext4 keeps 5 % of its blocks for root. Members of this group may use them as well: the database and the control plane do, and no environment, so that both
# go on when environments have filled the disk.
reserve_space() {
    # shellcheck disable=SC2046 # Two words.
    set -- $(findmnt --noheadings --output FSTYPE,TARGET --target "$(readlink -f "$settings")")
    [ "${1:-}" != ext4 ] || mount --options remount,resgid=1657 "$2" || echo "The reserved blocks of $2 could not be given to the database (docs/operations.md)." >&2
}

# Containers have weights for a busy disk: environments 10, the database and the control plane 1000 (compose.yaml). BFQ is the scheduler that follows them; docs/decisions/0036
# has what it changes. Docker applies a weight when a container starts, so the module is loaded before Docker (modules-load.d).
weigh_disks() {
    [ "$(sed -n 's/^CONTROLPLANE_DISK_SCHEDULER=//p' "$settings/platform.env")" = bfq ] || return 0
    modprobe bfq 2>/dev/null || :
    refused=
    for folder in "$(readlink -f "$settings")" "$(docker info --format '{{.DockerRootDir}}')"; do
        # The disks below a partition, a logical volume or a RAID.
        source=$(findmnt --noheadings --nofsroot --output SOURCE --target "$folder")
        for disk in $(lsblk --inverse --list --noheadings --output TYPE,KNAME "$source" | sed -n 's/^disk  *//p'); do
            # Not with >, which would create the file.
            echo bfq | dd of="${DESTDIR:-}/sys/block/$disk/queue/scheduler" conv=nocreat,notrunc 2>/dev/null || refused="$refused $disk"
        done
    done
    [ -z "$refused" ] || echo "These disks have no scheduler BFQ, so an environment that writes all the time may delay the database (docs/operations.md):$refused" >&2
}

# disconnect NETWORK CONTAINER
disconnect() {
    case " $(members "$1")" in *" $2 "*) docker network disconnect --force "$1" "$2" || record_failure "$1" ;; esac
}

# A network that is gone was removed with its environment in the meantime: record_failure NETWORK
record_failure() {
    case "$failed_networks " in *" $1 "*) return 0 ;; esac
    if docker network ls --format '{{.Name}}' | grep -Fqx "$1"; then
        failed_networks="$failed_networks $1"
    fi
}
failed_networks=

case ${1:-} in
    start)
        status=0
        reserve_space
        configure_kernel
        weigh_disks
        # Environments need the services that did start.
        compose up --detach --wait --wait-timeout 600 --remove-orphans || status=1
        connect_tenant_networks
        if [ -n "$failed_networks" ]; then
            echo "These networks could not be connected, so their environments may not respond:$failed_networks" >&2
            status=1
        fi
        # Ollama's network in releases up to 0.2, which led to the internet.
        docker network rm controlplane_models >/dev/null 2>&1 || :
        limit_connections
        exit "$status"
        ;;
    stop) compose stop ;;
    # The server itself has no access to the internet and cannot write its models.
    ollama)
        shift
        compose run --rm --no-TTY ollama-models "$@"
        ;;
    '' | -h | --help) echo "Usage: controlplane start | stop | ollama pull MODEL | ollama rm MODEL | any docker compose command, such as ps or logs --follow" ;;
    *) compose "$@" ;;
esac
