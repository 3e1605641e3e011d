# Sourced by install.sh: the host's firewall, in addition to the network's. Opens 80 and 443 to everyone, SSH and port 3001 to the configured ranges.
# Docker's published ports bypass it, but only the proxy publishes any.

configure_firewall() {
    [ "${CONTROLPLANE_FIREWALL:-on}" != off ] || return 0
    # An active firewall keeps its default policies; only the rules of the platform are added.
    if ! ufw status | grep -q '^Status: active'; then
        ufw default deny incoming >/dev/null
        ufw default allow outgoing >/dev/null
    fi
    allow_ssh
    ufw allow 80/tcp >/dev/null
    ufw allow 443/tcp >/dev/null
    for range in ${CONTROLPLANE_VPN_RANGES:-}; do
        ufw allow proto tcp from "$range" to any port 3001 >/dev/null
    done
    # --force skips the warning that SSH may be disconnected; the rules above allow it.
    ufw --force enable >/dev/null
}

# Avoids locking out the operator: covers every port of sshd and always allows the client of the current session.
allow_ssh() {
    ports=$(sshd -T 2>/dev/null | sed -n 's/^port //p')
    for port in ${ports:-22}; do
        if [ -z "${CONTROLPLANE_SSH_FROM:-}" ]; then
            ufw allow "$port/tcp" >/dev/null
            continue
        fi
        for range in $CONTROLPLANE_SSH_FROM ${SSH_CONNECTION:+"${SSH_CONNECTION%% *}"}; do
            ufw allow proto tcp from "$range" to any port "$port" >/dev/null
        done
        # Added by an earlier run without ranges.
        ufw delete allow "$port/tcp" >/dev/null 2>&1 || :
    done
}
