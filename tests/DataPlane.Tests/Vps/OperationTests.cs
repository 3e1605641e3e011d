using System.Runtime.Versioning;

namespace ControlPlane.Tests.Vps;

/// <summary>Operation after the installation: start, commands and removal.</summary>
[UnsupportedOSPlatform("windows")]
[Trait("Category", "Slow")]
public sealed class OperationTests : IDisposable
{
    readonly FakeHost _host = new();

    public OperationTests()
    {
        Assert.Equal(0, _host.Install().ExitCode);
        _host.ClearCalls();
    }

    [Fact]
    public void Recreated_containers_are_reconnected_to_the_tenants_networks_and_Ollama_to_those_of_the_gateways_only()
    {
        _host.SetState("networks", "tenant-acme\ntenant-beta\n");
        _host.SetState("members-tenant-acme", "mail-relay tenant-acme-litellm-1 ");
        _host.SetState("webui-tenant-acme", "database=own\n");
        _host.SetState("model-networks", "tenant-acme_models\ntenant-beta_models\ntenant-own_models\n");
        _host.SetState("members-tenant-beta_models", "ollama tenant-beta-litellm-1 ");
        _host.SetState("members-tenant-own_models", "tenant-own-litellm-1 tenant-own-ollama-dedicated-1 ");
        Assert.Equal(0, _host.Run("root/usr/local/sbin/controlplane", ["start"]).ExitCode);
        Assert.Equal(
            ["docker network connect tenant-acme traefik", "docker network connect tenant-beta traefik", "docker network connect tenant-acme_models ollama"],
            _host.Calls.Where(call => call.Contains(" connect ", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("removed", 0)]
    [InlineData("broken", 1)]
    public void A_network_that_cannot_be_connected_keeps_no_other_environment_from_the_proxy(string state, int exitCode)
    {
        _host.SetState("networks", "tenant-acme\ntenant-beta\n");
        _host.SetState($"{state}-tenant-acme");
        _host.SetState("model-networks", "tenant-beta_models\n");

        var result = _host.Run("root/usr/local/sbin/controlplane", ["start"]);

        Assert.Equal(exitCode, result.ExitCode);
        Assert.Equal(exitCode != 0, result.Errors.Contains("could not be connected, so their environments may not respond: tenant-acme", StringComparison.Ordinal));
        Assert.Contains("docker network connect tenant-beta traefik", _host.Calls);
        Assert.Contains("docker network connect tenant-beta_models ollama", _host.Calls);
    }

    [Fact]
    public void A_service_that_does_not_start_keeps_no_environment_from_the_others()
    {
        _host.SetState("networks", "tenant-acme\n");
        _host.SetState("unhealthy");
        Assert.Equal(1, _host.Run("root/usr/local/sbin/controlplane", ["start"]).ExitCode);
        Assert.Contains("docker network connect tenant-acme traefik", _host.Calls);
    }

    [Fact]
    public void The_control_planes_database_is_connected_to_environments_that_are_not_moved_yet_and_leaves_the_others()
    {
        _host.SetState("networks", "tenant-moved\ntenant-old\ntenant-fresh\n");
        foreach (var network in (string[])["tenant-moved", "tenant-old", "tenant-fresh"])
        {
            _host.SetState($"members-{network}", network == "tenant-old" ? "traefik " : "traefik postgres ");
        }

        _host.SetState("webui-tenant-moved", "database=own\n");
        _host.SetState("webui-tenant-old", "database=\n");
        Assert.Equal(0, _host.Run("root/usr/local/sbin/controlplane", ["start"]).ExitCode);
        Assert.Equal(
            ["docker network disconnect --force tenant-moved postgres", "docker network connect tenant-old postgres", "docker network disconnect --force tenant-fresh postgres"],
            _host.Calls.Where(call => call.Contains("connect ", StringComparison.Ordinal)));
    }

    [Fact]
    public void Ollama_leaves_the_tenants_networks_of_earlier_releases()
    {
        _host.SetState("networks", "tenant-acme\ntenant-beta\n");
        _host.SetState("members-tenant-acme", "traefik ollama tenant-acme-open-webui-1 ");
        _host.SetState("members-tenant-beta", "traefik tenant-beta-ollama-dedicated-1 ");
        Assert.Equal(0, _host.Run("root/usr/local/sbin/controlplane", ["start"]).ExitCode);
        Assert.Equal(
            ["docker network disconnect --force tenant-acme ollama"],
            _host.Calls.Where(call => call.Contains("connect ", StringComparison.Ordinal)));
        Assert.Contains("docker network rm controlplane_models", _host.Calls);
    }

    [Fact]
    public void Connections_of_one_address_are_limited_once_and_a_changed_limit_replaces_the_former_one()
    {
        _host.SetState("no-ip6tables");
        var started = _host.Run("root/usr/local/sbin/controlplane", ["start"]);
        Assert.Equal((0, "Connections of one address are not limited: ip6tables refused the rule.\n"), (started.ExitCode, started.Errors));
        const string limit = "--match connlimit --connlimit-above 200 --connlimit-mask 32 --jump REJECT --reject-with tcp-reset";
        const string rate = "--match hashlimit --hashlimit-above 50/second --hashlimit-burst 500 --hashlimit-mode srcip";
        Assert.Equal(
            [
                $"--protocol tcp --syn --match conntrack --ctstate DNAT --ctorigdstport 80:443 {rate} --hashlimit-srcmask 32 --hashlimit-name controlplane --jump DROP",
                $"--protocol tcp --syn --match conntrack --ctstate DNAT --ctorigdstport 80:443 {limit}",
                // Not what comes from the proxy, for all visitors: in the platform's own networks, and to Open WebUI.
                "--in-interface br-ed9e00000000 --jump RETURN",
                "--in-interface br-da7aba5e0000 --jump RETURN",
                $"--protocol tcp --syn ! --dport 8080 --match physdev --physdev-is-bridged {rate} --hashlimit-name environments --jump DROP",
                // Whatever the protocol: each connection within an environment's networks has a place in the host's table.
                $"! --protocol tcp --match physdev --physdev-is-bridged --match conntrack --ctstate NEW {rate} --hashlimit-name datagrams --jump DROP",
                // From the networks that environments share with the proxy.
                $"--protocol tcp --syn --match physdev --physdev-is-bridged --match multiport --dports 80,443,8081 {limit}",
            ],
            Rules("iptables"));
        Assert.Contains("modprobe br_netfilter", _host.Calls);
        // Since the installation.
        Assert.True(File.Exists(_host.At("state/iptables.used")));

        File.Delete(_host.At("state/no-ip6tables"));
        Assert.Contains(Rules("ip6tables", limit: "200"), rule => rule.Contains(" --connlimit-above 200 --connlimit-mask 64 ", StringComparison.Ordinal));
        Assert.Equal(2, Rules("ip6tables", limit: "200").Length);
        _host.ClearCalls();
        // Where Compose has failed, before it created them.
        _host.SetState("no-networks");
        Assert.DoesNotContain(Rules("iptables", limit: "300"), rule => rule.Contains("RETURN", StringComparison.Ordinal));
        Assert.Equal(2, Rules("iptables", limit: "300").Count(rule => rule.Contains(" --connlimit-above 300 ", StringComparison.Ordinal)));
        Assert.DoesNotContain(_host.Calls, call => call.Contains("--insert", StringComparison.Ordinal));
        Assert.Empty(Rules("iptables", limit: "0"));
        Assert.Empty(Rules("ip6tables", limit: "0"));
    }

    [Fact]
    public void The_tables_of_neighbours_and_connections_have_room_for_all_networks_and_a_kernel_that_refuses_the_settings_is_reported()
    {
        Assert.Equal(0, _host.Run("root/usr/local/sbin/controlplane", ["start"]).ExitCode);
        Assert.Contains(_host.Calls, call => call.StartsWith("sysctl ", StringComparison.Ordinal) && call.Contains(" net.ipv4.neigh.default.gc_thresh3=16384 ", StringComparison.Ordinal)
            && call.Contains(" net.netfilter.nf_conntrack_max=1048576 net.netfilter.nf_conntrack_tcp_timeout_time_wait=30", StringComparison.Ordinal));
        _host.SetState("no-sysctl");
        var started = _host.Run("root/usr/local/sbin/controlplane", ["start"]);
        Assert.Equal((0, "Some settings of the kernel could not be changed: containers of one environment may disturb others (docs/security.md).\n"), (started.ExitCode, started.Errors));
    }

    [Fact]
    public void Each_disk_gets_the_scheduler_that_follows_weights_and_one_without_it_is_reported()
    {
        Assert.Equal(("bfq\n", "bfq\n"), (_host.Scheduler("sda"), _host.Scheduler("sdb")));
        Assert.Equal("bfq\n", File.ReadAllText(_host.At("root/etc/modules-load.d/controlplane.conf")));

        File.Delete(_host.At("root/sys/block/sdb/queue/scheduler"));
        var started = _host.Run("root/usr/local/sbin/controlplane", ["start"]);
        Assert.Equal(
            (0, "These disks have no scheduler BFQ, so an environment that writes all the time may delay the database (docs/operations.md): sdb\n"), (started.ExitCode, started.Errors));
        Assert.False(File.Exists(_host.At("root/sys/block/sdb/queue/scheduler")));

        _host.SetScheduler("sda", "none");
        Assert.Equal(0, _host.Install(settings: [("CONTROLPLANE_DISK_SCHEDULER", "unchanged")]).ExitCode);
        Assert.Equal("none", _host.Scheduler("sda"));
    }

    [Fact]
    public void A_host_without_the_commands_for_rules_starts_when_connections_are_not_limited()
    {
        _host.SetState("no-iptables");
        _host.SetState("no-ip6tables");
        Assert.Equal(0, _host.Install(settings: [("CONTROLPLANE_CONNECTIONS", "0")]).ExitCode);
        var started = _host.Run("root/usr/local/sbin/controlplane", ["start"]);
        Assert.Equal((0, ""), (started.ExitCode, started.Errors));
    }

    [Fact]
    public void Models_are_changed_by_a_container_that_runs_as_long_as_the_command()
    {
        Assert.Equal(0, _host.Run("root/usr/local/sbin/controlplane", ["ollama", "pull", "qwen3:8b"]).ExitCode);
        Assert.EndsWith(" run --rm --no-TTY ollama-models pull qwen3:8b", Assert.Single(_host.Calls), StringComparison.Ordinal);
    }

    [Fact]
    public void Other_commands_are_passed_to_Compose_with_the_platforms_settings()
    {
        _host.Run("root/usr/local/sbin/controlplane", ["logs", "--tail", "5", "traefik"]);
        Assert.Equal(
            $"docker compose --project-name controlplane --env-file {_host.At("root/etc/controlplane/platform.env")} --file {_host.At("opt/1.0.0/deploy/vps/compose.yaml")} logs --tail 5 traefik",
            Assert.Single(_host.Calls));
    }

    [Fact]
    public void Uninstalling_keeps_the_data_for_a_later_installation()
    {
        _host.SetState("networks", "tenant-acme_private\n");
        var settings = _host.Settings("platform.env");
        Assert.Equal(0, Uninstall().ExitCode);
        Assert.Contains("docker compose --project-name tenant-acme stop", _host.Calls);
        Assert.Empty(Directory.GetFiles(_host.At("root/etc/systemd/system"), "*", SearchOption.AllDirectories));
        Assert.False(File.Exists(_host.At("root/usr/local/sbin/controlplane")));
        var again = _host.Install();
        Assert.Equal((0, ""), (again.ExitCode, again.Errors));
        Assert.Equal(settings, _host.Settings("platform.env"));
    }

    [Fact]
    public void Data_is_deleted_only_on_request()
    {
        _host.SetState("networks", "tenant-acme_private\ntenant-old\n");
        _host.SetState("model-networks", "tenant-acme_models\n");
        _host.SetState("egress-networks", "tenant-acme_gateway\ntenant-acme_outside\n");
        Assert.Equal(1, Uninstall("--data").ExitCode);
        Assert.Equal(0, Uninstall("--delete-data").ExitCode);
        Assert.Contains("docker compose --project-name tenant-acme down --volumes", _host.Calls);
        Assert.Contains("docker compose --project-name tenant-old down --volumes", _host.Calls);
        Assert.All(
            ["tenant-acme_private", "tenant-old", "tenant-acme_models", "tenant-acme_gateway", "tenant-acme_outside"], (string network) => Assert.Contains($"docker network rm {network}", _host.Calls));
        Assert.Empty(Directory.GetFileSystemEntries(_host.Data));
        Assert.Contains("not installed on this host", Uninstall().Errors, StringComparison.Ordinal);
    }

    public void Dispose() => _host.Dispose();

    /// <summary>The rules that the platform has after a start.</summary>
    /// <param name="limit">Installed before; null: the installation stays as it is.</param>
    string[] Rules(string command, string? limit = null)
    {
        if (limit is not null)
        {
            Assert.Equal(0, _host.Install(settings: [("CONTROLPLANE_CONNECTIONS", limit)]).ExitCode);
            Assert.Equal(0, _host.Run("root/usr/local/sbin/controlplane", ["start"]).ExitCode);
        }

        return File.ReadAllLines(_host.At($"state/{command}"));
    }

    ScriptResult Uninstall(params string[] options) => _host.Run("opt/1.0.0/deploy/vps/uninstall.sh", options);
}
