#!/bin/sh
# Runs docker compose for the platform with its settings: controlplane start, controlplane stop, controlplane ollama COMMAND, or any docker compose
# command (ps, logs, pull …).
set -eu
here=$(dirname -- "$(readlink -f -- "$0")")
settings=${DESTDIR:-}/etc/controlplane

compose() { docker compose --project-name controlplane --env-file "$settings/platform.env" --file "$here/compose.yaml" "$@"; }

# Recreated containers, as after an upgrade, are no longer connected to the tenants' networks. Ollama belongs to those of the gateways only: whoever
# reaches it can use and delete the models of all tenants.
connect_tenant_networks() {
    for network in $(docker network ls --filter label=controlplane.tenant --format '{{.Name}}'); do
        connect "$network" traefik postgres
        case " $(members "$network")" in *" ollama "*) docker network disconnect --force "$network" ollama ;; esac
    done
    for network in $(docker network ls --filter label=controlplane.models --format '{{.Name}}'); do
        # An environment with an Ollama of its own does not use the shared one.
        case $(members "$network") in *-ollama-dedicated-*) ;; *) connect "$network" ollama ;; esac
    done
}

members() { docker network inspect --format '{{range .Containers}}{{.Name}} {{end}}' "$1"; }

# connect NETWORK CONTAINER...
connect() {
    network_name=$1
    shift
    connected=$(members "$network_name")
    for container; do
        case " $connected" in
            *" $container "*) ;;
            *) docker network connect "$network_name" "$container" ;;
        esac
    done
}

# Each connection costs the proxy memory, also an idle one without a request: so their number per client address is limited (with IPv6 per network). Docker
# evaluates this chain before it forwards to published ports.
limit_connections() {
    limit=$(sed -n 's/^CONTROLPLANE_CONNECTIONS=//p' "$settings/platform.env")
    [ "$limit" != 0 ] || return 0
    for tables in iptables:32 ip6tables:64; do
        set -- DOCKER-USER --protocol tcp --syn --match conntrack --ctstate DNAT --ctorigdstport 80:443 \
            --match connlimit --connlimit-above "$limit" --connlimit-mask "${tables#*:}" --jump REJECT --reject-with tcp-reset
        "${tables%:*}" --wait --check "$@" 2>/dev/null || "${tables%:*}" --wait --insert "$@" ||
            echo "Connections of one address are not limited: ${tables%:*} refused the rule." >&2
    done
}

case ${1:-} in
    start)
        compose up --detach --wait --wait-timeout 600 --remove-orphans
        connect_tenant_networks
        # Ollama's network in releases up to 0.2, which led to the internet.
        docker network rm controlplane_models >/dev/null 2>&1 || :
        limit_connections
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
