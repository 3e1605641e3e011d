using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace ControlPlane.Tests.Engine;

/// <summary>Who reaches whom, tried from inside the containers. Each reaches the members of its own networks, which the tests name, and nothing else.</summary>
[Collection(SharedPlatform.Name), Trait("Category", "Engine")]
public sealed class NetworkTests(Platform platform)
{
    // Where the containers here listen, and SSH.
    static readonly int[] Ports = [22, 80, 443, 2375, 3128, 4000, 5432, 6379, 8080, 8081, 11434];

    /// <summary>The metadata service, private and public addresses, and names that containers and the world have.</summary>
    static readonly string[] Elsewhere =
    [
        "169.254.169.254:80", "10.0.0.1:443", "172.31.255.1:443", "192.168.1.1:443", "100.64.0.1:443", "198.51.100.1:443", "198.51.100.1:53",
        "postgres:5432", "controlplane:8080", "docker-reader:2375", "docker-writer:2375", "host.docker.internal:22", "metadata.google.internal:80", "api.openai.com:443", "example.com:80",
    ];

    public static TheoryData<string, string, string[]> Members => new()
    {
        { "trial", "private", ["open-webui", "litellm", "redis", "database", "traefik"] },
        { "trial", "models", ["litellm", "ollama"] },
        { "premium", "private", ["open-webui", "litellm", "redis", "database", "egress", "traefik"] },
        { "premium", "models", ["litellm", "ollama"] },
        { "premium", "gateway", ["litellm", "gateway-egress"] },
        { "premium", "outside", ["egress", "gateway-egress"] },
        { "enterprise", "models", ["litellm", "ollama-dedicated"] },
    };

    [Theory, MemberData(nameof(Members))]
    public async Task A_network_has_these_members(string plan, string network, string[] members)
    {
        var tenant = await platform.TenantAsync(plan);
        var names = await Docker.RunAsync("network", "inspect", "--format", "{{range .Containers}}{{.Name}} {{end}}", tenant.Network(network));
        Assert.Equal(members.Select(member => member is "traefik" or "ollama" ? member : tenant.Container(member)).Order(), names.Split(' ').Order());
    }

    [Theory]
    [InlineData("trial", "open-webui"), InlineData("trial", "litellm"), InlineData("trial", "redis"), InlineData("trial", "database")]
    [InlineData("premium", "open-webui"), InlineData("premium", "litellm"), InlineData("enterprise", "ollama-dedicated"), InlineData("trial", "ollama")]
    public async Task A_container_reaches_the_members_of_its_networks_and_nothing_else(string plan, string service)
    {
        // Neighbours of all kinds, whose addresses are tried as well.
        foreach (var other in (string[])["trial", "premium", "enterprise"])
        {
            await platform.TenantAsync(other);
        }

        var container = service == "ollama" ? service : (await platform.TenantAsync(plan)).Container(service);
        using var host = new HostListener();
        var addresses = new Dictionary<string, string>();
        foreach (var name in await Docker.LinesAsync("ps", "--format", "{{.Names}}"))
        {
            foreach (var (network, address) in await Docker.AddressesAsync(name))
            {
                addresses[address] = network;
            }
        }

        var reached = await Attempts.ReachedAsync(container, [.. addresses.Keys.SelectMany(address => Ports.Select(port => $"{address}:{port}")), .. await host.TargetsAsync(), .. Elsewhere]);

        var own = (await Docker.AddressesAsync(container)).Keys;
        Assert.Equal(addresses.Where(address => own.Contains(address.Value)).Select(address => address.Key).Order(), reached.Select(target => target.Split(':')[0]).Distinct().Order());
        // The same listener is reached from a network that is not internal.
        Assert.NotEmpty(await Attempts.ReachedAsync("controlplane", await host.TargetsAsync()));
    }

    [Fact]
    public async Task The_paths_that_an_environment_needs_are_open()
    {
        var premium = await platform.TenantAsync("premium");
        var enterprise = await platform.TenantAsync("enterprise");
        await AssertOpenAsync(premium.Container("open-webui"), "litellm:4000", "redis:6379", "database:5432", "egress:3128");
        await AssertOpenAsync(premium.Container("litellm"), "redis:6379", "database:5432", "ollama:11434", "gateway-egress:3128", "traefik:8081");
        await AssertOpenAsync(enterprise.Container("litellm"), "ollama-dedicated:11434");
        await AssertOpenAsync("traefik", $"{(await Docker.AddressesAsync(premium.Container("open-webui")))[premium.Network("private")]}:8080", "controlplane:8080", "docker-reader:2375");
        await AssertOpenAsync("controlplane", "postgres:5432", "docker-writer:2375");
    }

    [Fact]
    public async Task The_proxy_reaches_neither_databases_of_the_platform_nor_ollama_nor_the_engines_writer()
    {
        var trial = await platform.TenantAsync("trial");
        List<string> targets = ["ollama:11434", "postgres:5432", "docker-writer:2375"];
        foreach (var (name, port) in new[] { ("postgres", 5432), ("controlplane-docker-writer-1", 2375) })
        {
            targets.AddRange((await Docker.AddressesAsync(name)).Values.Select(address => $"{address}:{port}"));
        }

        Assert.Empty(await Attempts.ReachedAsync("traefik", targets));

        // The host has no address on Ollama's networks, so packets to them leave it, and what answers there for every address, such as a provider's proxy, is not Ollama.
        var ollama = (await Docker.AddressesAsync("ollama")).Values.Select(address => $"{address}:11434").ToArray();
        Assert.DoesNotContain(await Attempts.GetAsync("traefik", "/api/tags", ollama), answer => answer.Contains("models", StringComparison.Ordinal));
        Assert.Contains("models", Assert.Single(await Attempts.GetAsync(trial.Container("litellm"), "/api/tags", "ollama:11434")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Gateways_reach_two_paths_of_the_control_plane()
    {
        var tenant = await platform.TenantAsync("premium");
        const string Get = """
            import sys, urllib.error, urllib.request
            for path in sys.argv[1:]:
                try:
                    print(urllib.request.urlopen("http://traefik:8081" + path, timeout=20).status)
                except urllib.error.HTTPError as error:
                    print(error.code)
            """;
        var statuses = await Docker.ExecAsync(tenant.Container("litellm"), "python3", "-c", Get, "/v1/authorize", "/v1/usage", "/v1/admin/tenants", "/v1/signup", "/", "/readyz");
        Assert.Equal(["405", "401", "404", "404", "404", "404"], statuses.Split('\n'));
    }

    [Fact]
    public async Task Egress_proxies_pass_what_is_listed_and_refuse_everything_else()
    {
        var tenant = await platform.TenantAsync("premium");
        string[] never =
        [
            "169.254.169.254:443", "10.0.0.1:443", "ollama:11434", "litellm:4000", "redis:6379", "traefik:8081", "127.0.0.1:443", "host.docker.internal:22", "example.com:443",
            .. (await Docker.AddressesAsync("postgres")).Values.Select(address => $"{address}:5432"),
        ];
        foreach (var (client, proxy, listed, others) in new[] { ("open-webui", "egress", "search.example.com:443", "api.openai.com:443"), ("litellm", "gateway-egress", "api.openai.com:443", "search.example.com:443") })
        {
            foreach (var target in (string[])[others, .. never])
            {
                Assert.Contains(" 403 ", await Attempts.TunnelAsync(tenant.Container(client), proxy, target), StringComparison.Ordinal);
            }

            // 200 or, without a way to the internet, 503.
            var passed = await Attempts.TunnelAsync(tenant.Container(client), proxy, listed);
            Assert.True(passed.Contains(" 200 ", StringComparison.Ordinal) || passed.Contains(" 503 ", StringComparison.Ordinal), passed);
        }
    }

    static async Task AssertOpenAsync(string container, params string[] targets) =>
        Assert.Equal(targets.ToDictionary(target => target, _ => "open"), await Attempts.FromAsync(container, targets));

    /// <summary>What any program on the host may be: it listens at all addresses.</summary>
    sealed class HostListener : IDisposable
    {
        readonly TcpListener _listener = new(IPAddress.Any, 0);

        public HostListener() => _listener.Start();

        /// <summary>The addresses of its interfaces, and those that Docker gives the host in networks.</summary>
        public async Task<List<string>> TargetsAsync()
        {
            var gateways = new List<string>();
            foreach (var network in await Docker.LinesAsync("network", "ls", "--quiet"))
            {
                gateways.AddRange((await Docker.RunAsync("network", "inspect", "--format", "{{range .IPAM.Config}}{{.Gateway}} {{end}}", network)).Split(' ', StringSplitOptions.RemoveEmptyEntries));
            }

            var own = NetworkInterface.GetAllNetworkInterfaces().Where(item => item.NetworkInterfaceType != NetworkInterfaceType.Loopback)
                .SelectMany(item => item.GetIPProperties().UnicastAddresses).Select(item => item.Address).Where(item => item.AddressFamily == AddressFamily.InterNetwork);
            return [.. gateways.Concat(own.Select(address => address.ToString())).Distinct().Select(address => $"{address}:{((IPEndPoint)_listener.LocalEndpoint).Port}")];
        }

        public void Dispose() => _listener.Dispose();
    }
}
