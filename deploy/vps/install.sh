#!/bin/sh
# Installs the platform on this host, or upgrades it: run the newer release's script. Running it again changes nothing that is in place.
# shellcheck source-path=SCRIPTDIR
set -eu
release=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd -P)
here=$release/deploy/vps
# Tests let it write below another root.
DESTDIR=${DESTDIR:-}
# shellcheck source=lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=lib/settings.sh
. "$here/lib/settings.sh"
# shellcheck source=lib/checks.sh
. "$here/lib/checks.sh"
# shellcheck source=lib/engine.sh
. "$here/lib/engine.sh"
# shellcheck source=lib/firewall.sh
. "$here/lib/firewall.sh"
# shellcheck source=lib/units.sh
. "$here/lib/units.sh"

usage() {
    cat <<'EOF'
Usage: CONTROLPLANE_DOMAIN=example.com deploy/vps/install.sh

Installs the CFS LLM Platform on this host (Debian 13, Ubuntu 22.04 or newer), as root. An upgrade is the same command of a newer release.
Before it: point DOMAIN, api.DOMAIN and *.users.DOMAIN at this host.

Settings, from the environment; they are kept, and need not be given again:
  CONTROLPLANE_DOMAIN      the portal's address; environments live at {slug}.users.DOMAIN. Required the first time
  CONTROLPLANE_DATA        where everything of value lies [/var/lib/controlplane]
  CONTROLPLANE_REGION      where this host is; tenants carry it for good [local]
  CONTROLPLANE_ACME_MAIL   whom Let's Encrypt may write to [hostmaster@DOMAIN]

For this run only:
  CONTROLPLANE_SSH_FROM    IPv4 ranges that may reach SSH, with spaces between [every address]
  CONTROLPLANE_VPN_RANGES  IPv4 ranges that may reach port 3001 [none]
  CONTROLPLANE_FIREWALL    off: leave the firewall as it is [on]
  CONTROLPLANE_MODELS      models to fetch for the shared Ollama, empty for none [mistral:7b-instruct]

All others (mail, seller, providers' keys) are in DATA/settings/controlplane.env, and docs/operations.md explains them.
EOF
}

case ${1:-} in
    '') ;;
    -h | --help) usage && exit ;;
    *) fail "There is no option $1: install.sh --help lists the settings." ;;
esac

version=$(cat "$release/VERSION" 2>/dev/null || echo dev)
check_host
read_settings
check_disk
install_engine
check_names
check_ports
check_database
say "Installing $version for $domain"
# An upgrade migrates the database, forward only.
! is_running postgres || "$here/backup.sh"
make_folders
keep_settings
build_image
write_units
open_firewall
controlplane start || fail "It did not come up. What it says: controlplane logs --tail 50"
systemctl start controlplane.service
check_answer
fetch_models

cat <<EOF

The platform is running, version $version.
  Portal        https://$domain/
  Operator      https://$domain/admin
  Operator key  CONTROLPLANE_OPERATOR_KEY in $settings/controlplane.env
  Settings      $settings/controlplane.env; after a change: systemctl restart controlplane
  Backups       $data/backups, every night; keep copies of them and of $settings elsewhere
  Logs          controlplane logs --follow
EOF
set_in controlplane.env CONTROLPLANE_SMTP || say "Mail is not sent yet but written to $data/app/mail: set CONTROLPLANE_SMTP in $settings/controlplane.env."
for name in "$domain" "api.$domain" "any.users.$domain"; do
    resolves "$name" || say "$name does not resolve yet: point it at this host. Its certificate comes by itself then."
done
