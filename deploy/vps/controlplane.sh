#!/bin/sh
# The platform's Compose project with its settings: controlplane start, controlplane stop, or any command of docker compose (ps, logs, pull …).
set -eu
here=$(dirname -- "$(readlink -f -- "$0")")
settings=${DESTDIR:-}/etc/controlplane

compose() { docker compose --project-name controlplane --env-file "$settings/platform.env" --file "$here/compose.yaml" "$@"; }

# A container that was made anew, as after an upgrade, is in none of the tenants' networks.
join_tenants() {
    for network in $(docker network ls --filter label=controlplane.tenant --format '{{.Name}}'); do
        there=$(docker network inspect --format '{{range .Containers}}{{.Name}} {{end}}' "$network")
        for container in traefik ollama postgres; do
            case " $there" in
                *" $container "*) ;;
                *) docker network connect "$network" "$container" ;;
            esac
        done
    done
}

case ${1:-} in
    start)
        compose up --detach --wait --wait-timeout 600 --remove-orphans
        join_tenants
        ;;
    stop) compose stop ;;
    '' | -h | --help) echo "Usage: controlplane start | stop | COMMAND of docker compose, such as ps or logs --follow" ;;
    *) compose "$@" ;;
esac
