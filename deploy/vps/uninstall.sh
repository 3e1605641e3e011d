#!/bin/sh
# Removes the platform from this host. Data, settings and backups are kept unless --delete-data is specified. Docker and the firewall are not changed.
set -eu
delete=no
case ${1:-} in
    '') ;;
    --delete-data) delete=yes ;;
    -h | --help) echo "Usage: deploy/vps/uninstall.sh [--delete-data]" && exit ;;
    *) echo "Unknown option $1: the only option is --delete-data." >&2 && exit 1 ;;
esac
[ "$(id -u)" = 0 ] || { echo "Run it as root: sudo $0" >&2 && exit 1; }
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
DESTDIR=${DESTDIR:-}
units=$DESTDIR/etc/systemd/system
data=$(sed -n 's/^CONTROLPLANE_DATA=//p' "$DESTDIR/etc/controlplane/platform.env" 2>/dev/null) ||
    { echo "The platform is not installed on this host." >&2 && exit 1; }

systemctl disable --quiet --now controlplane-backup.timer controlplane.service
"$here/controlplane.sh" down
# Each environment is a separate Compose project. Its network has the project's name in releases up to 0.2, and now ends with _private.
for network in $(docker network ls --filter label=controlplane.tenant --format '{{.Name}}'); do
    if [ "$delete" = yes ]; then
        docker compose --project-name "${network%_private}" down --volumes
        docker network rm "$network" >/dev/null
    else
        docker compose --project-name "${network%_private}" stop
    fi
done
if [ "$delete" = yes ]; then
    for label in models egress; do
        for network in $(docker network ls --filter "label=controlplane.$label" --format '{{.Name}}'); do
            docker network rm "$network" >/dev/null
        done
    done
fi
rm -f "$units/controlplane.service" "$units/controlplane-backup.service" "$units/controlplane-backup.timer" "$units/docker.service.d/controlplane.conf" \
    "$DESTDIR/etc/modules-load.d/controlplane.conf" "$DESTDIR/usr/local/sbin/controlplane" "$DESTDIR/etc/controlplane"
systemctl daemon-reload
if [ "$delete" = yes ]; then
    rm -rf "$data/app" "$data/backups" "$data/ollama" "$data/postgres" "$data/settings" "$data/traefik"
    echo "The platform and its data have been removed."
else
    echo "The platform has been removed and environments are stopped. Data and settings remain in $data; install.sh will use them again."
fi
