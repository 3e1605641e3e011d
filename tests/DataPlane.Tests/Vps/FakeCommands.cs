namespace ControlPlane.Tests.Vps;

/// <summary>Fakes of the commands that would change a host, as shell scripts. The files in the folder $state describe the host.</summary>
static class FakeCommands
{
    public static IReadOnlyDictionary<string, string> All { get; } = new Dictionary<string, string>
    {
        // running-NAME: the platform's container NAME is running. foreign-NAME: another container has that name. image-NAME: the image exists.
        // networks: the tenants' networks, model-networks: those of their gateways and Ollama, egress-networks: those of their egress proxies, one per line. members-NETWORK: its containers. full: dumps of the
        // databases that it lists fail. large: those that it lists are larger than others. broken-NETWORK: nothing can join that network; removed-NETWORK: it is removed after it was listed. unhealthy: a service
        // of the platform does not start. environments: projects and states of their database servers, one per line; former: databases on the control plane's server; name: that of the environment that is restored.
        // no-networks: the platform has none. webui-NETWORK: the label of Open WebUI's container there. no-restore: restoring this schema fails.
        ["docker"] = """
            case "$*" in
                "container inspect --format {{.State.Running}} "*) [ -f "$state/running-$5" ] && echo true ;;
                "container inspect --format {{index "*) for name; do :; done
                    if [ -f "$state/foreign-$name" ]; then echo other; elif [ -f "$state/running-$name" ]; then echo controlplane; else exit 1; fi ;;
                "image inspect "*) [ -f "$state/image-$3" ] ;;
                "build "*) [ ! -f "$state/no-build" ] || { echo "no route to nuget" >&2; exit 1; }
                    while [ "$1" != --tag ]; do shift; done; touch "$state/image-$2" ;;
                *" up --detach "*) for name in traefik controlplane postgres ollama; do touch "$state/running-$name"; done; [ ! -f "$state/unhealthy" ] ;;
                "compose --project-name controlplane "*" down") rm -f "$state"/running-* ;;
                "network ls --filter label=com.docker.compose.project=controlplane "*) [ -f "$state/no-networks" ] || printf 'ed9e00000000\nda7aba5e0000\n' ;;
                "network ls "*controlplane.tenant*) [ ! -f "$state/networks" ] || cat "$state/networks" ;;
                "network ls "*controlplane.models*) [ ! -f "$state/model-networks" ] || cat "$state/model-networks" ;;
                "network ls "*controlplane.egress*) [ ! -f "$state/egress-networks" ] || cat "$state/egress-networks" ;;
                "network ls --format "*) cat "$state/networks" "$state/model-networks" 2>/dev/null || : ;;
                "network connect "*) [ ! -f "$state/broken-$3" ] || exit 1
                    [ ! -f "$state/removed-$3" ] || { grep -vx "$3" "$state/networks" >"$state/left"; mv "$state/left" "$state/networks"; exit 1; } ;;
                "network inspect "*) for name; do :; done; [ ! -f "$state/removed-$name" ] || exit 1; [ ! -f "$state/members-$name" ] || cat "$state/members-$name" ;;
                "network rm controlplane_models") echo "network controlplane_models not found" >&2; exit 1 ;;
                "exec "*" timeout 900 pg_dump "*) for name; do :; done; echo "the dump"
                    ! grep -qx "$2" "$state/large" 2>/dev/null || head -c 100000 /dev/zero || exit 1
                    ! grep -qx "$name" "$state/full" 2>/dev/null && ! grep -qx "$2" "$state/full" 2>/dev/null ;;
                "exec postgres timeout 900 pg_dumpall "*) echo "the roles" ;;
                "exec postgres psql "*former_name*) [ ! -f "$state/name" ] || cat "$state/name" ;;
                "exec postgres psql "*) [ ! -f "$state/former" ] || cat "$state/former" ;;
                "ps --all --filter label=com.docker.compose.service=database "*) [ ! -f "$state/environments" ] || cat "$state/environments" ;;
                "ps --all --filter network="*) network=${4#network=}; [ ! -f "$state/webui-$network" ] || cat "$state/webui-$network" ;;
                "exec -i "*" psql "*) cat >>"$state/sql" ;;
                "exec -i "*" pg_restore "*) for name; do :; done; [ "$(cat)" = "the dump" ] && [ "$(cat "$state/no-restore" 2>/dev/null)" != "$name" ] ;;
                "version --format {{.Server.APIVersion}}") cat "$state/api" 2>/dev/null || echo 1.51 ;;
                "info --format {{.DockerRootDir}}") cat "$state/docker-root" 2>/dev/null || echo /var/lib/docker ;;
                "volume create "*) [ ! -f "$state/no-quota" ] || { echo "quota size requested but no quota support" >&2; exit 1; } ;;
                "compose version") [ ! -f "$state/no-compose" ] ;;
            esac
            """,
        // Moves the installed command to PATH.
        ["apt-get"] = """
            [ "$1" = install ] || exit 0
            for package; do
                case $package in docker.io) mv "$store/docker" "$bin/docker" ;; esac
            done
            """,
        ["ufw"] = """[ "$1" != status ] || if [ -f "$state/ufw-active" ]; then echo "Status: active"; else echo "Status: inactive"; fi""",
        ["iptables"] = Tables,
        ["ip6tables"] = Tables,
        ["ss"] = """case "$*" in *":80") [ ! -f "$state/port-80" ] || cat "$state/port-80" ;; esac""",
        // Folders named volumes are on a disk of their own. Incomplete backups use up space.
        ["df"] = """
            case "$2" in */volumes) disk=sdb1 ;; *) disk=sda1 ;; esac
            free=$(cat "$state/free" 2>/dev/null || echo 104857600)
            for file in "$2"/partial.*; do [ ! -f "$file" ] || free=$((free - $(wc -c <"$file") / 1024)); done
            printf 'head\n/dev/%s 1 1 %s 1%% /\n' "$disk" "$free"
            """,
        // Each folder is on a device of its own.
        ["findmnt"] = """
            case "$*" in
                *SOURCE*) for name; do :; done; echo "/dev/mapper$name" ;;
                *) cat "$state/file-system" 2>/dev/null || echo "ext4 /" ;;
            esac
            """,
        ["lsblk"] = """
            for name; do :; done
            printf 'lvm  dm-0\npart sda1\n'
            case $name in */docker) echo "disk sdb" ;; *) echo "disk sda" ;; esac
            """,
        ["mount"] = "",
        ["modprobe"] = "",
        ["sysctl"] = """[ ! -f "$state/no-sysctl" ]""",
        ["id"] = """cat "$state/id" 2>/dev/null || echo 0""",
        ["nproc"] = """cat "$state/cores" 2>/dev/null || echo 8""",
        ["sshd"] = """cat "$state/sshd" 2>/dev/null || echo "port 22" """,
        ["curl"] = """[ ! -f "$state/no-answer" ]""",
        ["getent"] = """[ ! -f "$state/no-names" ]""",
        ["systemctl"] = "",
        ["chown"] = "",
        ["sleep"] = "",
    };

    // The rules of the chain CONTROLPLANE are in a file named after the command.
    const string Tables = """
        rules=$state/${0##*/}
        [ ! -f "$state/no-${0##*/}" ] || exit 1
        case "$2 $3" in
            "--new-chain CONTROLPLANE") [ ! -f "$rules" ] && : >"$rules" ;;
            "--flush CONTROLPLANE") [ -f "$rules" ] && : >"$rules" ;;
            "--append CONTROLPLANE") shift 3; echo "$*" >>"$rules" ;;
            "--check DOCKER-USER") [ -f "$rules.used" ] ;;
            "--insert DOCKER-USER") : >"$rules.used" ;;
        esac
        """;
}
