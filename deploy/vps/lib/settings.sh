# Sourced by install.sh: settings, those of before and those given now. They lie with the data, so that a new host on an old disk has them.

# What was installed holds; something else given now is a mistake: keep NAME DEFAULT
keep() {
    eval "given=\${$1:-}"
    before=$(value_in "$data/settings/platform.env" "$1")
    [ -z "$before" ] || [ -z "$given" ] || [ "$before" = "$given" ] ||
        fail "$1 is $given, but this host was installed with $before: leave it out."
    kept=${before:-${given:-$2}}
}

# Whether all of a text, in one line, is as an extended regular expression says: is TEXT EXPRESSION
is() {
    case $1 in *"$newline"*) return 1 ;; esac
    printf %s "$1" | grep -Eqx "$2"
}
newline='
'

read_settings() {
    before=$(readlink "$DESTDIR/etc/controlplane" | sed 's|/settings$||')
    data=${CONTROLPLANE_DATA:-${before:-/var/lib/controlplane}}
    [ "${before:-$data}" = "$data" ] || fail "CONTROLPLANE_DATA is $data, but this host was installed with $before: leave it out."
    case $data in
        /*[!A-Za-z0-9/._-]* | [!/]* | / | */) fail "CONTROLPLANE_DATA is $data: give the full path of a folder, of letters, digits, dots, hyphens and underscores." ;;
    esac
    settings=$data/settings
    keep CONTROLPLANE_DOMAIN ''
    domain=$kept
    [ -n "$domain" ] || fail "CONTROLPLANE_DOMAIN is not set: give the domain of the portal, as in CONTROLPLANE_DOMAIN=llm.example.com $0"
    is "$domain" '([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}' ||
        fail "CONTROLPLANE_DOMAIN is $domain: give a domain name in lower case, such as llm.example.com."
    keep CONTROLPLANE_REGION local
    region=$kept
    is "$region" '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?' ||
        fail "CONTROLPLANE_REGION is $region: name the place in lower-case letters, digits and hyphens, such as eu-central-1."
    # This one may change.
    mail=${CONTROLPLANE_ACME_MAIL:-$(value_in "$settings/platform.env" CONTROLPLANE_ACME_MAIL)}
    mail=${mail:-hostmaster@$domain}
    is "$mail" '[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+' || fail "CONTROLPLANE_ACME_MAIL is $mail: give a mail address."
    for range in ${CONTROLPLANE_SSH_FROM:-} ${CONTROLPLANE_VPN_RANGES:-}; do
        is "$range" '([0-9]{1,3}\.){3}[0-9]{1,3}(/[0-9]{1,2})?' ||
            fail "CONTROLPLANE_SSH_FROM and CONTROLPLANE_VPN_RANGES take IPv4 ranges such as 198.51.100.0/28, not $range."
    done
}

random_hex() { od -An -N "$1" -tx1 /dev/urandom | tr -d ' \n'; }

make_folders() {
    mkdir -p "$data" "$data/app" "$data/ollama" "$data/postgres" "$data/traefik" "$data/backups" "$settings"
    # Others may pass through but not look around; each part is its container's user's.
    chmod 711 "$data"
    chmod 700 "$data/app" "$data/postgres" "$data/traefik" "$data/backups" "$settings"
    chown 1654:1654 "$data/app"
    chown 70:70 "$data/postgres"
}

# Secrets are made once. Nothing here is shown or passed as an argument.
keep_settings() {
    platform=$settings/platform.env
    postgres_password=$(value_in "$platform" CONTROLPLANE_POSTGRES_PASSWORD)
    database_password=$(value_in "$platform" CONTROLPLANE_DATABASE_PASSWORD)
    write_private "$platform" <<EOF
# Written by install.sh at every run, from what was here before.
CONTROLPLANE_VERSION=$version
CONTROLPLANE_DOMAIN=$domain
CONTROLPLANE_REGION=$region
CONTROLPLANE_DATA=$data
CONTROLPLANE_ACME_MAIL=$mail
CONTROLPLANE_POSTGRES_PASSWORD=${postgres_password:-$(random_hex 24)}
CONTROLPLANE_DATABASE_PASSWORD=${database_password:-$(random_hex 24)}
EOF
    [ -f "$settings/controlplane.env" ] || write_private "$settings/controlplane.env" <<EOF
# Yours: made once, never changed by install.sh. docs/operations.md has every setting. A value with a dollar sign in it goes into single quotes.
# After a change: systemctl restart controlplane

# Opens /admin. A new one replaces it and ends every operator's session.
CONTROLPLANE_OPERATOR_KEY=cpo_$(random_hex 24)

# Encrypts secrets in the database. Keep a copy of it elsewhere: without it they are lost.
CONTROLPLANE_SECRETS_KEY=$(head -c 32 /dev/urandom | base64)

# Without a mail server mail is written to $data/app/mail.
#CONTROLPLANE_SMTP='smtp://user:password@mail.example.com:587'
#CONTROLPLANE_MAIL_FROM=billing@$domain

# On invoices.
#CONTROLPLANE_SELLER_NAME='Example GmbH'
#CONTROLPLANE_SELLER_ADDRESS='Street 1|12345 City'

# Providers of models that do not run here.
#OPENAI_API_KEY=
#GEMINI_API_KEY=
#ANTHROPIC_API_KEY=
EOF
    ln -sfn "$settings" "$DESTDIR/etc/controlplane"
}

set_in() { [ -n "$(value_in "$settings/$1" "$2")" ]; }
