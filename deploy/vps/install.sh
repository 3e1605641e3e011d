#!/bin/sh
# Installs the platform on this host. To upgrade, run the script of the newer release. Running it again is safe: it changes only what is missing.
# shellcheck source-path=SCRIPTDIR
set -eu
release=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd -P)
here=$release/deploy/vps
# Tests set another root folder.
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

Installs the CFS LLM Platform on this host (Debian 13, Ubuntu 22.04 or newer), as root. To upgrade, run the same command of a newer release.
First create DNS records for DOMAIN, api.DOMAIN and *.users.DOMAIN that point to this host.

Settings, read from the environment. They are saved, so later runs do not need them:
  CONTROLPLANE_DOMAIN      the portal's domain; environments are at {slug}.users.DOMAIN. Required for the first run
  CONTROLPLANE_DATA        folder for all data [/var/lib/controlplane]
  CONTROLPLANE_REGION      name of this host's region; it is stored with each tenant and cannot be changed [local]
  CONTROLPLANE_ACME_MAIL   email address for notices from Let's Encrypt [hostmaster@DOMAIN]
  CONTROLPLANE_OLLAMA_CPUS     cores that the shared Ollama may use [all but one]
  CONTROLPLANE_OLLAMA_MEMORY   memory that the shared Ollama may use [16g]
  CONTROLPLANE_CONNECTIONS     connections to ports 80 and 443 per client address, 0 for no limit [200]
  CONTROLPLANE_DISK_SCHEDULER  bfq: the database goes first on a busy disk, environments last; unchanged: as the system has it [bfq]

For this run only:
  CONTROLPLANE_SSH_FROM    IPv4 ranges allowed to connect to SSH, separated by spaces [any address]
  CONTROLPLANE_VPN_RANGES  IPv4 ranges allowed to connect to port 3001 [none]
  CONTROLPLANE_FIREWALL    off: do not change the firewall [on]
  CONTROLPLANE_MODELS      models to download for the shared Ollama, empty for none [mistral:7b-instruct llama3:8b]

All other settings (mail, seller, API keys of providers) are in DATA/settings/controlplane.env. See docs/operations.md.
EOF
}

case ${1:-} in
    '') ;;
    -h | --help) usage && exit ;;
    *) fail "Unknown option $1: see install.sh --help." ;;
esac

version=$(cat "$release/VERSION" 2>/dev/null || echo dev)
check_host
read_settings
check_disk
install_engine
check_volume_limit
check_names
check_ports
check_database
say "Installing $version for $domain"
# Upgrades migrate the database, which cannot be undone.
if is_running postgres; then
    # 2: only backups of environments failed. One tenant must not prevent upgrades.
    "$here/backup.sh" || [ $? = 2 ] || fail "The control plane's database could not be backed up, so nothing was changed."
    docker exec -i postgres psql --username postgres --quiet --set ON_ERROR_STOP=1 <"$here/postgres/upgrade.sql"
fi
create_folders
save_settings
build_image
write_units
configure_firewall
controlplane start || fail "The platform did not start. See controlplane logs --tail 50"
systemctl start controlplane.service
check_response
download_models

cat <<EOF

The platform is running, version $version.
  Portal        https://$domain/
  Operator      https://$domain/admin
  Operator key  CONTROLPLANE_OPERATOR_KEY in $settings/controlplane.env
  Settings      $settings/controlplane.env; after a change: systemctl restart controlplane
  Backups       $data/backups, nightly; keep copies of them and of $settings on another machine
  Logs          controlplane logs --follow
EOF
is_set controlplane.env CONTROLPLANE_SMTP || say "Email is written to $data/app/mail instead of being sent: set CONTROLPLANE_SMTP in $settings/controlplane.env."
! shares_disk || say "Environments and the control plane share a disk, which an environment can fill: see Storage of environments in docs/operations.md for a disk of its own."
for name in "$domain" "api.$domain" "any.users.$domain"; do
    resolves "$name" || say "$name does not resolve yet: create a DNS record that points to this host. The certificate is then issued automatically."
done
