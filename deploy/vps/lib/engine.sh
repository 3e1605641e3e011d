# Sourced by install.sh: installs the Docker engine, builds the control plane's image and downloads models.

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
    has docker || fail "Docker could not be installed: follow docs.docker.com/engine/install, then run this script again."
    docker compose version >/dev/null 2>&1 ||
        fail "Docker Compose 2 is missing: install docker-compose-v2 (Ubuntu), docker-compose (Debian 13) or docker-compose-plugin (Docker's own packages)."
    docker info >/dev/null 2>&1 || systemctl enable --now docker >/dev/null 2>&1 || fail "The Docker engine does not start. See systemctl status docker"
    # Oldest API version that the docker command in the control plane's image supports.
    api=$(docker version --format '{{.Server.APIVersion}}')
    [ "${api#1.}" -ge 44 ] || fail "This Docker engine is too old (API $api): version 25 or newer is required."
}

engine_packages() {
    case $distribution in
        ubuntu) echo docker.io docker-buildx docker-compose-v2 ;;
        *)
            [ "${release_number%%.*}" -ge 13 ] ||
                fail "Debian $release_number does not include Docker Compose 2: use Debian 13, or install Docker (docs.docker.com/engine/install/debian) and run this script again."
            echo docker.io docker-cli docker-buildx docker-compose
            ;;
    esac
}

# Only for an engine installed by this script: stores volumes with the other data, and allows more than the default 30 networks.
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

# A release is built once, a checkout on every run. An image loaded with docker load is used as is.
build_image() {
    [ "$version" = dev ] || ! docker image inspect "controlplane:$version" >/dev/null 2>&1 || return 0
    say "Building the control plane; this takes a few minutes"
    log=$(docker build --quiet --file "$here/Dockerfile" --tag "controlplane:$version" "$release" 2>&1) || fail "The control plane could not be built:
$log"
}

download_models() {
    for model in ${CONTROLPLANE_MODELS-mistral:7b-instruct llama3:8b}; do
        say "Downloading the model $model"
        controlplane ollama pull "$model" >/dev/null 2>&1 || say "The model $model could not be downloaded. To try again: controlplane ollama pull $model"
    done
}
