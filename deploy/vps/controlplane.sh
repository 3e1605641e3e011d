#!/bin/sh
# Runs docker compose for the platform with its settings: controlplane start, controlplane stop, or any docker compose command (ps, logs, pull …).
set -eu
here=$(dirname -- "$(readlink -f -- "$0")")
settings=${DESTDIR:-}/etc/controlplane

compose() { docker compose --project-name controlplane --env-file "$settings/platform.env" --file "$here/compose.yaml" "$@"; }

# Recreated containers, as after an upgrade, are no longer connected to the tenants' networks.
connect_tenant_networks() {
    for network in $(docker network ls --filter label=controlplane.tenant --format '{{.Name}}'); do
        connected=$(docker network inspect --format '{{range .Containers}}{{.Name}} {{end}}' "$network")
        for container in traefik ollama postgres; do
            case " $connected" in
                *" $container "*) ;;
                *) docker network connect "$network" "$container" ;;
            esac
        done
    done
}

case ${1:-} in
    start)
        compose up --detach --wait --wait-timeout 600 --remove-orphans
        connect_tenant_networks
        ;;
    stop) compose stop ;;
    '' | -h | --help) echo "Usage: controlplane start | stop | any docker compose command, such as ps or logs --follow" ;;
    *) compose "$@" ;;
esac
