using System.Globalization;
using System.Text.RegularExpressions;
using YamlDotNet.Core;
using YamlDotNet.Serialization;
using static ControlPlane.Tests.Vps.Repository;

namespace ControlPlane.Tests.Vps;

/// <summary>Rules for the platform's Compose file, parsed as Compose does, and its consistency with code and scripts.</summary>
public sealed class PlatformTests
{
    static readonly Dictionary<string, Dictionary<object, object>> Services =
        ((Dictionary<object, object>)Read("deploy/vps/compose.yaml")["services"]).ToDictionary(entry => (string)entry.Key, entry => (Dictionary<object, object>)entry.Value);

    [Fact]
    public void Images_match_the_image_table()
    {
        var named = Services.Where(service => service.Key != "controlplane").Select(service => (string)service.Value["image"]).Distinct();
        Assert.Equal(["docker-socket-proxy", "ollama", "postgres", "traefik"], named.Select(NameOf).Order(StringComparer.Ordinal));
        var stages = File.ReadLines(At("deploy/vps/Dockerfile")).Where(line => line.StartsWith("FROM ", StringComparison.Ordinal)).Select(line => line.Split(' ')[1]);
        Assert.Equal(["dotnet-sdk", "docker-cli", "dotnet-aspnet"], stages.Select(NameOf));

        static string NameOf(string image) => Images.All.SingleOrDefault(pin => pin.Value == image).Key ?? $"{image} is missing from dataplane/images.json";
    }

    [Fact]
    public void Only_the_proxy_publishes_ports_and_only_80_and_443_on_IPv4()
    {
        var published = Services.Where(service => service.Value.ContainsKey("ports")).ToList();
        Assert.Equal("traefik", Assert.Single(published).Key);
        Assert.Equal(["0.0.0.0:80:80", "0.0.0.0:443:443"], (List<object>)published[0].Value["ports"]);
    }

    [Fact]
    public void Every_service_has_restart_policy_health_check_limits_and_minimal_privileges() => Assert.All(Services, service =>
    {
        // A service with a profile runs one command.
        var stays = !service.Value.ContainsKey("profiles");
        string[] required = [.. stays ? ["healthcheck"] : Array.Empty<string>(), "mem_limit", "pids_limit", "logging", "networks"];
        Assert.All(required, key => Assert.Contains(key, service.Value.Keys));
        Assert.Equal(stays ? "unless-stopped" : "no", service.Value["restart"]);
        Assert.Equal(["ALL"], (List<object>)service.Value["cap_drop"]);
        Assert.Equal(["no-new-privileges:true"], (List<object>)service.Value["security_opt"]);
        Assert.All(["privileged", "network_mode", "pid", "ipc", "userns_mode", "devices"], (string key) => Assert.DoesNotContain(key, service.Value.Keys));
        Assert.Equal("true", service.Value["read_only"]);
        Assert.Equal("0", ((Dictionary<object, object>)service.Value["ulimits"])["core"]);
        Assert.DoesNotContain("cap_add", service.Value.Keys);
    });

    [Fact]
    public void When_the_hosts_memory_is_used_up_processes_of_environments_end_first()
    {
        Assert.All(Services.Where(service => !service.Value.ContainsKey("profiles")), service =>
            Assert.Equal(service.Key == "ollama" ? -500 : -900, Score(service.Value)));
        Assert.All(Samples.Plans, plan =>
        {
            var project = ComposeRendering.Render(Samples.Environment(plan), Samples.Options with { Qdrant = true }, "/models").Compose;
            var services = ((Dictionary<object, object>)new DeserializerBuilder().Build().Deserialize<Dictionary<string, object>>(project)["services"])
                .ToDictionary(service => (string)service.Key, service => Score((Dictionary<object, object>)service.Value));
            Assert.InRange(services["database"], 1, 499);
            services.Remove("database");
            Assert.All(services.Values, score => Assert.Equal(500, score));
        });

        static int Score(Dictionary<object, object> service) => int.Parse((string)service["oom_score_adj"], CultureInfo.InvariantCulture);
    }

    // The kernel counts some things for each user of the host, such as watches of epoll: what an environment uses up would be missing here.
    [Fact]
    public void No_service_of_an_environment_runs_as_a_user_of_the_platform()
    {
        var users = Services.Values.Select(UserOf).ToHashSet();
        Assert.Superset(new HashSet<string> { "1654", "1655", "1656" }, users);
        Assert.All(Samples.Plans, plan =>
        {
            var project = ComposeRendering.Render(Samples.Environment(plan), Samples.Options with { Qdrant = true }, "/models").Compose;
            var services = (Dictionary<object, object>)new DeserializerBuilder().Build().Deserialize<Dictionary<string, object>>(project)["services"];
            // PostgreSQL's image has one user. Logins that are no superuser's run nothing but SQL.
            Assert.True(services.Remove("database"));
            Assert.All(services, service => Assert.DoesNotContain(UserOf((Dictionary<object, object>)service.Value), users));
        });

        static string UserOf(Dictionary<object, object> service) => ((string)service.GetValueOrDefault("user", "0")).Split(':')[0];
    }

    [Fact]
    public void The_database_and_the_control_plane_go_first_on_a_busy_disk() =>
        Assert.Equal(
            ["controlplane", "postgres"],
            Services.Where(service => service.Value.GetValueOrDefault("blkio_config") is Dictionary<object, object> disk && disk["weight"] is "1000").Select(service => service.Key).Order());

    [Fact]
    public void Only_the_socket_proxies_run_as_root_because_the_engine_socket_belongs_to_root()
    {
        Assert.Equal(
            ["docker-reader", "docker-writer"],
            Services.Where(service => !service.Value.TryGetValue("user", out var user) || ((string)user).Split(':')[0] is "0" or "root").Select(service => service.Key).Order(StringComparer.Ordinal));
        // A bind mount belongs to its container's user.
        var owners = Regex.Matches(File.ReadAllText(At("deploy/vps/lib/settings.sh")), @"chown (?:-R )?(\d+:\d+) ""\$data/(\w+)""")
            .ToDictionary(owner => owner.Groups[2].Value, owner => owner.Groups[1].Value);
        Assert.All([("app", "controlplane"), ("postgres", "postgres"), ("ollama", "ollama"), ("traefik", "traefik")], ((string Folder, string Service) mount) =>
            Assert.Equal(Services[mount.Service]["user"], owners[mount.Folder]));
    }

    [Fact]
    public void Only_the_socket_proxies_mount_the_engine_socket_and_each_serves_one_caller()
    {
        Assert.All(Services, service => Assert.Equal(
            service.Key is "docker-reader" or "docker-writer",
            service.Value.TryGetValue("volumes", out var volumes) && ((List<object>)volumes).Any(volume => ((string)volume).Contains("docker.sock", StringComparison.Ordinal))));
        Assert.Equal(["docker-reader", "traefik"], In("docker-reader"));
        Assert.Equal(["controlplane", "docker-writer"], In("docker-writer"));
        Assert.DoesNotContain("POST", ((Dictionary<object, object>)Services["docker-reader"]["environment"]).Keys);
        var networks = (Dictionary<object, object>)Read("deploy/vps/compose.yaml")["networks"];
        Assert.All(["database", "docker-reader", "docker-writer"], (string network) => Assert.Equal("true", ((Dictionary<object, object>)networks[network])["internal"]));

        static IEnumerable<string> In(string network) =>
            Services.Where(service => ((List<object>)service.Value["networks"]).Contains(network)).Select(service => service.Key).Order(StringComparer.Ordinal);
    }

    [Fact]
    public void Shared_containers_have_the_names_that_environments_use()
    {
        var options = Samples.Options;
        Assert.All([options.ProxyContainer, DataPlaneOptions.FormerDatabaseContainer], name => Assert.Equal(name, Services[name]["container_name"]));
        Assert.Equal(options.OllamaContainer, Services["ollama"]["container_name"]);
        Assert.Empty(options.SharedContainers);
        Assert.Contains($"        connect \"$network\" {options.ProxyContainer}\n", File.ReadAllText(At("deploy/vps/controlplane.sh")), StringComparison.Ordinal);
    }

    [Fact]
    public void The_control_planes_database_shares_a_network_with_the_control_plane_only()
    {
        Assert.Equal(["database"], (List<object>)Services["postgres"]["networks"]);
        Assert.Equal(
            ["controlplane", "postgres"],
            Services.Where(service => ((List<object>)service.Value["networks"]).Contains("database")).Select(service => service.Key).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Ollama_shares_no_network_with_the_platform_has_no_internet_access_and_cannot_change_its_models()
    {
        var ollama = Services["ollama"];
        Assert.Equal(["ollama"], (List<object>)ollama["networks"]);
        Assert.Equal(["ollama"], Services.Where(service => ((List<object>)service.Value["networks"]).Contains("ollama")).Select(service => service.Key));
        var networks = (Dictionary<object, object>)Read("deploy/vps/compose.yaml")["networks"];
        Assert.Equal("true", ((Dictionary<object, object>)networks["ollama"])["internal"]);
        Assert.EndsWith(":/models:ro", (string)Assert.Single((List<object>)ollama["volumes"]), StringComparison.Ordinal);
        Assert.All(["cpus", "mem_limit"], (string limit) => Assert.Matches(@"^\$\{CONTROLPLANE_OLLAMA_\w+:\?\}$", (string)ollama[limit]));

        // Downloads need both, so they run elsewhere and end.
        var downloads = Services["ollama-models"];
        Assert.EndsWith(":/models", (string)Assert.Single((List<object>)downloads["volumes"]), StringComparison.Ordinal);
        Assert.Equal(["downloads"], (List<object>)downloads["networks"]);
        Assert.DoesNotContain("container_name", downloads.Keys);
        Assert.Equal("127.0.0.1:11434", ((Dictionary<object, object>)downloads["environment"])["OLLAMA_HOST"]);
        Assert.Equal(["ollama-models"], Services.Where(service => ((List<object>)service.Value["networks"]).Contains("downloads")).Select(service => service.Key));
    }

    [Fact]
    public void Gateways_reach_only_authorize_and_usage_through_the_proxy()
    {
        var flags = ((List<object>)Services["traefik"]["command"]).Cast<string>().ToList();
        var url = new Uri((string)Environment["CONTROLPLANE_ENVIRONMENT_URL"]);
        Assert.Equal(Samples.Options.ProxyContainer, url.Host);
        Assert.Contains($"--entrypoints.gateways.address=:{url.Port}", flags);
        var routes = (Dictionary<object, object>)Read("deploy/vps/traefik/routes.yaml")["http"];
        var gateways = (Dictionary<object, object>)((Dictionary<object, object>)routes["routers"])["gateways"];
        Assert.Equal(["gateways"], (List<object>)gateways["entryPoints"]);
        Assert.Equal("Path(`/v1/authorize`) || PathPrefix(`/v1/usage`)", gateways["rule"]);
    }

    [Fact]
    public void The_proxy_reaches_the_control_plane_to_check_keys()
    {
        var url = new Uri((string)Environment["CONTROLPLANE_KEY_CHECK_URL"]);
        Assert.Contains(((List<object>)Services[url.Host]["networks"]).Intersect((List<object>)Services["traefik"]["networks"]), network => network is "edge");
        var routes = (Dictionary<object, object>)Read("deploy/vps/traefik/routes.yaml")["http"];
        var server = (Dictionary<object, object>)((Dictionary<object, object>)((Dictionary<object, object>)routes["services"])["controlplane"])["loadBalancer"];
        Assert.Equal(url, new Uri((string)((Dictionary<object, object>)((List<object>)server["servers"])[0])["url"]));
    }

    [Fact]
    public void Certificates_use_the_resolver_that_environments_refer_to()
    {
        var flags = string.Join(' ', (List<object>)Services["traefik"]["command"]);
        Assert.Contains($"--certificatesresolvers.{Samples.Options.CertificateResolver}.acme.tlschallenge=true", flags, StringComparison.Ordinal);
        Assert.All(Routers().Where(router => router.Key is not "gateways"), router =>
            Assert.Equal(Samples.Options.CertificateResolver, ((Dictionary<object, object>)((Dictionary<object, object>)router.Value)["tls"])["certResolver"]));
        Assert.Equal(["Host(`api.{{ env \"CONTROLPLANE_DOMAIN\" }}`)", "Host(`{{ env \"CONTROLPLANE_DOMAIN\" }}`)"],
            Routers().Where(router => router.Key is not "gateways").Select(router => (string)((Dictionary<object, object>)router.Value)["rule"]).Order(StringComparer.Ordinal));

        static Dictionary<object, object> Routers() => (Dictionary<object, object>)((Dictionary<object, object>)Read("deploy/vps/traefik/routes.yaml")["http"])["routers"];
    }

    [Fact]
    public void New_trials_leave_certificates_to_others_unless_the_operator_sets_another_number()
    {
        // New names of a registered domain for which Let's Encrypt issues certificates in seven days.
        const int issued = 50;
        // That of its users and that of its API.
        const int names = 2;
        var trials = int.Parse(
            File.ReadLines(At("deploy/vps/defaults.env")).Single(line => line.StartsWith("CONTROLPLANE_LIMIT_TRIALS=", StringComparison.Ordinal)).Split('=')[1], CultureInfo.InvariantCulture);
        Assert.InRange(7 * trials * names, 1, issued - (2 * names));
        Assert.Equal(["./defaults.env", "${CONTROLPLANE_DATA:?}/settings/controlplane.env"], (List<object>)Services["controlplane"]["env_file"]);
    }

    [Fact]
    public void Only_the_database_and_the_control_plane_may_use_the_blocks_that_the_file_system_keeps_free()
    {
        var group = Regex.Match(File.ReadAllText(At("deploy/vps/controlplane.sh")), @"resgid=(\d+)").Groups[1].Value;
        Assert.Equal(["controlplane", "postgres"], Services.Where(service => service.Value.ContainsKey("group_add")).Select(service => service.Key).Order(StringComparer.Ordinal));
        Assert.All(["controlplane", "postgres"], (string service) => Assert.Equal([group], (List<object>)Services[service]["group_add"]));
        Assert.All(Samples.Plans, plan => Assert.DoesNotContain("group_add", ComposeRendering.Render(Samples.Environment(plan), Samples.Options, "/models").Compose, StringComparison.Ordinal));
    }

    [Fact]
    public void No_report_fills_the_databases_disk_with_temporary_files() =>
        Assert.Contains("temp_file_limit=4GB", (List<object>)Services["postgres"]["command"]);

    [Fact]
    public void Every_setting_of_the_control_plane_is_documented()
    {
        var manual = File.ReadAllText(At("docs/operations.md"));
        Assert.All(Environment.Keys.Cast<string>().Where(name => name != "DOCKER_HOST"), name =>
            Assert.True(manual.Contains($"`{name}`", StringComparison.Ordinal) || name.StartsWith("CONTROLPLANE_ENVIRONMENT_", StringComparison.Ordinal), name));
        // The engine resolves mount paths on the host, so they must be the same inside and outside.
        Assert.Equal($"{Environment["CONTROLPLANE_DATA"]}:{Environment["CONTROLPLANE_DATA"]}", Assert.Single((List<object>)Services["controlplane"]["volumes"]));
    }

    [Fact]
    public void The_installer_writes_every_variable_of_the_Compose_file()
    {
        var used = Regex.Matches(File.ReadAllText(At("deploy/vps/compose.yaml")), @"\$\{([A-Z_]+):\?\}").Select(match => match.Groups[1].Value).Distinct().ToList();
        var written = Regex.Matches(File.ReadAllText(At("deploy/vps/lib/settings.sh")), @"^([A-Z_]+)=", RegexOptions.Multiline).Select(match => match.Groups[1].Value).ToList();
        Assert.NotEmpty(used);
        Assert.Empty(used.Except(written));
    }

    static Dictionary<object, object> Environment => (Dictionary<object, object>)Services["controlplane"]["environment"];

    static Dictionary<object, object> Read(string path)
    {
        using var reader = File.OpenText(At(path));
        return new DeserializerBuilder().Build().Deserialize<Dictionary<object, object>>(new MergingParser(new Parser(reader)));
    }
}
