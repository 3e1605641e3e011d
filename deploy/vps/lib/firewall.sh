# Sourced by install.sh: the host's own firewall, behind that of the network. Web for all, SSH and port 3001 for named addresses, nothing else.
# Docker publishes the proxy's ports past it; every other container has none.

open_firewall() {
    [ "${CONTROLPLANE_FIREWALL:-on}" != off ] || return 0
    # Where one is at work already its owner has decided; what the platform needs is added.
    if ! ufw status | grep -q '^Status: active'; then
        ufw default deny incoming >/dev/null
        ufw default allow outgoing >/dev/null
    fi
    open_ssh
    ufw allow 80/tcp >/dev/null
    ufw allow 443/tcp >/dev/null
    for range in ${CONTROLPLANE_VPN_RANGES:-}; do
        ufw allow proto tcp from "$range" to any port 3001 >/dev/null
    done
    # Asks whether SSH may be cut off. It is not: see above.
    ufw --force enable >/dev/null
}

# Whoever works here must not be locked out: every port that sshd has, and the address of this very session whatever the ranges are.
open_ssh() {
    ports=$(sshd -T 2>/dev/null | sed -n 's/^port //p')
    for port in ${ports:-22}; do
        if [ -z "${CONTROLPLANE_SSH_FROM:-}" ]; then
            ufw allow "$port/tcp" >/dev/null
            continue
        fi
        for range in $CONTROLPLANE_SSH_FROM ${SSH_CONNECTION:+"${SSH_CONNECTION%% *}"}; do
            ufw allow proto tcp from "$range" to any port "$port" >/dev/null
        done
        # What a run without ranges had opened.
        ufw delete allow "$port/tcp" >/dev/null 2>&1 || :
    done
}
