# Sourced by install.sh: the Docker engine, the control plane's image, the models.

install_engine() {
    packages=''
    has docker || packages=$(engine_packages)
    has curl || packages="$packages curl ca-certificates"
    has ss || packages="$packages iproute2"
    [ "${CONTROLPLANE_FIREWALL:-on}" = off ] || has ufw || packages="$packages ufw"
    has docker || configure_engine
    if [ -n "$packages" ]; then
        say "Installing packages: $packages"
        export DEBIAN_FRONTEND=noninteractive
        apt-get update --quiet >/dev/null
        # shellcheck disable=SC2086 # A list of names.
        apt-get install --quiet --yes --no-install-recommends $packages >/dev/null
    fi
    has docker || fail "Docker could not be installed: install it as docs.docker.com/engine/install says, then run this again."
    docker compose version >/dev/null 2>&1 ||
        fail "This Docker has no Compose 2: install docker-compose-v2 (Ubuntu), docker-compose (Debian 13) or docker-compose-plugin (Docker's own packages)."
    docker info >/dev/null 2>&1 || systemctl enable --now docker >/dev/null 2>&1 || fail "The Docker engine does not start: systemctl status docker"
    # The control plane's own Docker command speaks no older one.
    api=$(docker version --format '{{.Server.APIVersion}}')
    [ "${api#1.}" -ge 44 ] || fail "This Docker engine is too old (API $api): 25 or newer is needed."
}

engine_packages() {
    case $distribution in
        ubuntu) echo docker.io docker-buildx docker-compose-v2 ;;
        *)
            [ "${release_number%%.*}" -ge 13 ] ||
                fail "Debian $release_number has no Docker Compose 2: use Debian 13, or install Docker as docs.docker.com/engine/install/debian says and run this again."
            echo docker.io docker-cli docker-buildx docker-compose
            ;;
    esac
}

# Only of an engine that we install: volumes of environments lie with the other data, and there are networks for more than 30 of them.
configure_engine() {
    config=$DESTDIR/etc/docker/daemon.json
    [ ! -f "$config" ] || return 0
    mkdir -p "$DESTDIR/etc/docker"
    cat >"$config" <<EOF
{
  "data-root": "$data/docker",
  "default-address-pools": [{ "base": "172.16.0.0/12", "size": 24 }],
  "live-restore": true
}
EOF
}

# A release is built once; a checkout every time. An image that was loaded (docker load) is taken as it is.
build_image() {
    [ "$version" = dev ] || ! docker image inspect "controlplane:$version" >/dev/null 2>&1 || return 0
    say "Building the control plane; this takes some minutes"
    log=$(docker build --quiet --file "$here/Dockerfile" --tag "controlplane:$version" "$release" 2>&1) || fail "The control plane could not be built:
$log"
}

fetch_models() {
    for model in ${CONTROLPLANE_MODELS-mistral:7b-instruct}; do
        say "Fetching the model $model"
        docker exec ollama ollama pull "$model" >/dev/null 2>&1 || say "The model $model did not arrive: docker exec ollama ollama pull $model tries again."
    done
}
