# Sourced by the scripts here: common functions. DESTDIR is set.

say() { printf '%s\n' "$*"; }

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# Atomically writes standard input to a file that only root may read: write_private PATH
write_private() {
    (umask 077 && cat >"$1.new" && mv "$1.new" "$1")
}

# Prints the value of a setting in a file of NAME=value lines, or nothing if it is missing: value_in FILE NAME
value_in() {
    [ ! -f "$1" ] || sed -n "s/^$2=//p" "$1" | tail -n 1
}

is_running() {
    has docker && [ "$(docker container inspect --format '{{.State.Running}}' "$1" 2>/dev/null)" = true ]
}
