# Sourced by install.sh: reads and saves the settings. They are stored with the data, so that a new host with an old disk has them.

# Sets $value to the saved, given or default value. A given value that differs from the saved one is an error: read_setting NAME DEFAULT
read_setting() {
    eval "given=\${$1:-}"
    saved=$(value_in "$data/settings/platform.env" "$1")
    [ -z "$saved" ] || [ -z "$given" ] || [ "$saved" = "$given" ] ||
        fail "$1 is $given, but this host was installed with $saved: omit the setting."
    value=${saved:-${given:-$2}}
}

# Prints the given, saved or default value: given_or_saved NAME DEFAULT
given_or_saved() {
    eval "given=\${$1:-}"
    saved=$(value_in "$settings/platform.env" "$1")
    given=${given:-$saved}
    printf %s "${given:-$2}"
}

# Whether a text is a single line that matches an extended regular expression: matches TEXT EXPRESSION
matches() {
    case $1 in *"$newline"*) return 1 ;; esac
    printf %s "$1" | grep -Eqx "$2"
}
newline='
'

read_settings() {
    saved=$(readlink "$DESTDIR/etc/controlplane" | sed 's|/settings$||')
    data=${CONTROLPLANE_DATA:-${saved:-/var/lib/controlplane}}
    [ "${saved:-$data}" = "$data" ] || fail "CONTROLPLANE_DATA is $data, but this host was installed with $saved: omit the setting."
    case $data in
        /*[!A-Za-z0-9/._-]* | [!/]* | / | */) fail "CONTROLPLANE_DATA is $data: use the absolute path of a folder, with letters, digits, dots, hyphens and underscores only." ;;
    esac
    settings=$data/settings
    read_setting CONTROLPLANE_DOMAIN ''
    domain=$value
    [ -n "$domain" ] || fail "CONTROLPLANE_DOMAIN is not set: set it to the portal's domain, for example CONTROLPLANE_DOMAIN=llm.example.com $0"
    matches "$domain" '([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}' ||
        fail "CONTROLPLANE_DOMAIN is $domain: use a domain name in lower case, such as llm.example.com."
    read_setting CONTROLPLANE_REGION local
    region=$value
    matches "$region" '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?' ||
        fail "CONTROLPLANE_REGION is $region: use lower-case letters, digits and hyphens, for example eu-central-1."
    # Unlike the settings above, the following may change.
    mail=$(given_or_saved CONTROLPLANE_ACME_MAIL "hostmaster@$domain")
    matches "$mail" '[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+' || fail "CONTROLPLANE_ACME_MAIL is $mail: use an email address."
    cores=$(nproc)
    # Leaves a core to everything else.
    ollama_cpus=$(given_or_saved CONTROLPLANE_OLLAMA_CPUS $((cores > 1 ? cores - 1 : 1)))
    # Docker does not start a container with more cores than the host has.
    { matches "$ollama_cpus" '[0-9]{1,4}(\.[0-9]{1,2})?' && awk "BEGIN { exit !($ollama_cpus >= 0.01 && $ollama_cpus <= $cores) }"; } ||
        fail "CONTROLPLANE_OLLAMA_CPUS is $ollama_cpus: use a number of cores up to the $cores of this host."
    ollama_memory=$(given_or_saved CONTROLPLANE_OLLAMA_MEMORY 16g)
    matches "$ollama_memory" '[1-9][0-9]{0,6}[mg]' || fail "CONTROLPLANE_OLLAMA_MEMORY is $ollama_memory: use megabytes or gigabytes, such as 16g."
    connections=$(given_or_saved CONTROLPLANE_CONNECTIONS 200)
    matches "$connections" '0|[1-9][0-9]{0,5}' || fail "CONTROLPLANE_CONNECTIONS is $connections: use a number of connections per client address, or 0 for no limit."
    disk_scheduler=$(given_or_saved CONTROLPLANE_DISK_SCHEDULER bfq)
    matches "$disk_scheduler" 'bfq|unchanged' || fail "CONTROLPLANE_DISK_SCHEDULER is $disk_scheduler: use bfq, or unchanged."
    for range in ${CONTROLPLANE_SSH_FROM:-} ${CONTROLPLANE_VPN_RANGES:-}; do
        matches "$range" '([0-9]{1,3}\.){3}[0-9]{1,3}(/[0-9]{1,2})?' ||
            fail "CONTROLPLANE_SSH_FROM and CONTROLPLANE_VPN_RANGES must be IPv4 ranges such as 198.51.100.0/28, not $range."
    done
}

random_hex() { od -An -N "$1" -tx1 /dev/urandom | tr -d ' \n'; }

create_folders() {
    # Ollama creates neither of its folders where it cannot write.
    mkdir -p "$data" "$data/app" "$data/ollama/models/blobs" "$data/ollama/models/manifests" "$data/postgres" "$data/traefik" "$data/backups" "$settings"
    # Other users may traverse the data folder but not list it. Each subfolder belongs to its container's user.
    chmod 711 "$data"
    chmod 700 "$data/app" "$data/postgres" "$data/traefik" "$data/backups" "$settings"
    chown 1654:1654 "$data/app"
    chown 70:70 "$data/postgres"
    # With their files: these containers ran as root in releases before 0.3.
    chown -R 1655:1655 "$data/ollama"
    chown -R 1656:1656 "$data/traefik"
}

# Secrets are generated once. They are never printed or passed as arguments.
save_settings() {
    platform=$settings/platform.env
    postgres_password=$(value_in "$platform" CONTROLPLANE_POSTGRES_PASSWORD)
    database_password=$(value_in "$platform" CONTROLPLANE_DATABASE_PASSWORD)
    write_private "$platform" <<EOF
# Rewritten by every run of install.sh; existing values are kept.
CONTROLPLANE_VERSION=$version
CONTROLPLANE_DOMAIN=$domain
CONTROLPLANE_REGION=$region
CONTROLPLANE_DATA=$data
CONTROLPLANE_ACME_MAIL=$mail
CONTROLPLANE_OLLAMA_CPUS=$ollama_cpus
CONTROLPLANE_OLLAMA_MEMORY=$ollama_memory
CONTROLPLANE_CONNECTIONS=$connections
CONTROLPLANE_DISK_SCHEDULER=$disk_scheduler
CONTROLPLANE_POSTGRES_PASSWORD=${postgres_password:-$(random_hex 24)}
CONTROLPLANE_DATABASE_PASSWORD=${database_password:-$(random_hex 24)}
EOF
    [ -f "$settings/controlplane.env" ] || write_private "$settings/controlplane.env" <<EOF
# Created once and never changed by install.sh; edit it as needed. All settings: docs/operations.md. Use single quotes for values with a dollar sign.
# After a change: systemctl restart controlplane

# Signs operators in to /admin. Changing it ends all operator sessions.
CONTROLPLANE_OPERATOR_KEY=cpo_$(random_hex 24)

# Encrypts secrets in the database. Keep a copy on another machine: without the key the secrets are lost.
CONTROLPLANE_SECRETS_KEY=$(head -c 32 /dev/urandom | base64)

# Without a mail server, email is written to $data/app/mail.
#CONTROLPLANE_SMTP='smtp://user:password@mail.example.com:587'
#CONTROLPLANE_MAIL_FROM=billing@$domain

# Printed on invoices.
#CONTROLPLANE_SELLER_NAME='Example GmbH'
#CONTROLPLANE_SELLER_STREET='Street 1'
#CONTROLPLANE_SELLER_POSTAL_CODE=12345
#CONTROLPLANE_SELLER_CITY=City
#CONTROLPLANE_SELLER_IBAN=
#CONTROLPLANE_TAX=regular

# API keys of external model providers.
#OPENAI_API_KEY=
#GEMINI_API_KEY=
#ANTHROPIC_API_KEY=
EOF
    ln -sfn "$settings" "$DESTDIR/etc/controlplane"
}

is_set() { [ -n "$(value_in "$settings/$1" "$2")" ]; }
