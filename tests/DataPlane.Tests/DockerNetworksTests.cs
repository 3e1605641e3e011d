using System.Runtime.Versioning;

namespace ControlPlane.Tests;

/// <summary>Which containers share a network with those of an environment.</summary>
[Collection(FakeDocker.Name), UnsupportedOSPlatform("windows")]
public sealed class DockerNetworksTests : IDisposable
{
    readonly string _data = Directory.CreateTempSubdirectory("environments-").FullName;

    [Theory]
    [InlineData("trial"), InlineData("basic"), InlineData("premium")]
    public async Task Ollama_joins_the_gateways_network_and_never_the_tenants(string plan)
    {
        using var docker = new DockerOnPath("exit 0");
        // Also where an operator's setting of an earlier release still names it.
        var options = Samples.Options with { SharedContainers = ["ollama", "mail-relay"] };

        await CreateDataPlane(options).IsolateAsync(Samples.Environment(plan), Samples.Secrets, default);

        Assert.Equal(
            ["network connect tenant-01900000-0000-7000-8000-000000000001_private mail-relay", "network connect tenant-01900000-0000-7000-8000-000000000001_models ollama"],
            docker.Calls.Where(call => call.StartsWith("network connect ", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Ollama_and_the_control_planes_database_leave_the_tenants_network_of_an_earlier_release()
    {
        using var docker = new DockerOnPath("""case "$*" in *Containers*_*) ;; *Containers*) echo "traefik ollama postgres tenant-01900000-0000-7000-8000-000000000001-open-webui-1";; esac""");

        await CreateDataPlane().IsolateAsync(Samples.Environment("basic"), Samples.Secrets, default);

        Assert.Equal(
            ["network disconnect --force tenant-01900000-0000-7000-8000-000000000001 ollama", "network disconnect --force tenant-01900000-0000-7000-8000-000000000001 postgres", "network connect tenant-01900000-0000-7000-8000-000000000001_models ollama"],
            docker.Calls.Where(call => call.Contains("connect ", StringComparison.Ordinal)));
    }

    // It led outside, so a container that stayed in it would, too.
    [Fact]
    public async Task Once_the_containers_have_moved_the_network_of_an_earlier_release_is_removed_and_the_proxy_follows()
    {
        using var docker = new DockerOnPath("""case "$*" in *Containers*_*) ;; *Containers*) echo "traefik mail-relay";; esac""");
        var dataPlane = CreateDataPlane(Samples.Options with { SharedContainers = ["mail-relay"] });
        await dataPlane.IsolateAsync(Samples.Environment("basic"), Samples.Secrets, default);

        await dataPlane.RestartAsync(Samples.Environment("basic"), default);

        var calls = docker.Calls.SkipWhile(call => !call.Contains(" up ", StringComparison.Ordinal)).Where(call => call.Contains("connect ", StringComparison.Ordinal) || call.StartsWith("network rm ", StringComparison.Ordinal));
        Assert.Equal(
            [
                "network connect tenant-01900000-0000-7000-8000-000000000001_private traefik", "network disconnect --force tenant-01900000-0000-7000-8000-000000000001 traefik", "network disconnect --force tenant-01900000-0000-7000-8000-000000000001 mail-relay",
                "network rm tenant-01900000-0000-7000-8000-000000000001",
            ],
            calls);
    }

    [Theory]
    [InlineData("trial", "private models")]
    [InlineData("basic", "private models gateway outside")]
    public async Task All_networks_but_that_of_the_egress_proxies_are_internal(string plan, string networks)
    {
        using var docker = new DockerOnPath("""case "$*" in *Containers*) ;; "network inspect "*) exit 1 ;; esac""");

        await CreateDataPlane().IsolateAsync(Samples.Environment(plan), Samples.Secrets, default);

        var created = docker.Calls.Where(call => call.StartsWith("network create ", StringComparison.Ordinal)).ToList();
        Assert.Equal(networks, string.Join(' ', created.Select(call => call[(call.LastIndexOf('_') + 1)..])));
        // Without an address of the host, whose services would be reached at it.
        Assert.All(created, call => Assert.Equal(
            !call.EndsWith("_outside", StringComparison.Ordinal), call.StartsWith("network create --internal --opt com.docker.network.bridge.inhibit_ipv4=true ", StringComparison.Ordinal)));
    }

    // Until its data is moved, an environment of an earlier release uses that server, also while its own one starts.
    [Fact]
    public async Task The_control_planes_database_stays_connected_while_the_environments_own_one_starts()
    {
        using var docker = new DockerOnPath("""case "$*" in *Containers*_models) ;; *Containers*) echo "traefik postgres tenant-01900000-0000-7000-8000-000000000001-open-webui-1";; esac""");

        await CreateDataPlane().StartDatabaseAsync(Samples.Environment("basic"), Samples.Secrets, default);

        Assert.DoesNotContain(docker.Calls, call => call.Contains("connect ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_shared_Ollama_leaves_an_environment_that_has_its_own()
    {
        using var docker = new DockerOnPath("""case "$*" in *Containers*) echo "ollama tenant-01900000-0000-7000-8000-000000000001-litellm-1";; esac""");

        await CreateDataPlane().IsolateAsync(Samples.Environment("enterprise"), Samples.Secrets, default);

        Assert.Equal(
            [
                "network disconnect --force tenant-01900000-0000-7000-8000-000000000001_private ollama", "network disconnect --force tenant-01900000-0000-7000-8000-000000000001 ollama",
                "network disconnect --force tenant-01900000-0000-7000-8000-000000000001_models ollama",
            ],
            docker.Calls.Where(call => call.Contains("connect ", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_subnet_that_is_in_use_is_skipped_and_another_error_is_reported()
    {
        using var docker = new DockerOnPath(
            """
            case "$*" in
                *Containers*) ;;
                "network inspect "*) exit 1 ;;
                *--subnet*) [ "$(grep -c -- --subnet "$(dirname "$0")/calls")" -gt 2 ] ||
                    { echo "Error response from daemon: invalid pool request: Pool overlaps with other one on this address space" >&2; exit 1; } ;;
            esac
            """);
        await CreateDataPlane().IsolateAsync(Samples.Environment("trial"), Samples.Secrets, default);
        var subnets = docker.Calls.Where(call => call.StartsWith("network create --internal --opt com.docker.network.bridge.inhibit_ipv4=true --subnet ", StringComparison.Ordinal)).Select(call => call.Split(' ')[6]).ToList();
        // Two in use, then one for each of the two networks.
        Assert.Equal(3, subnets.Distinct().Count());
        Assert.Equal(4, subnets.Count);

        using var broken = new DockerOnPath("""case "$*" in "network inspect "*) exit 1 ;; *--subnet*) echo "no space left on device" >&2; exit 1 ;; esac""");
        var failure = await Assert.ThrowsAsync<StepFailedException>(() => CreateDataPlane().IsolateAsync(Samples.Environment("basic"), Samples.Secrets, default));
        Assert.Contains("no space left on device", failure.Message, StringComparison.Ordinal);
        Assert.Single(broken.Calls, call => call.Contains("--subnet", StringComparison.Ordinal));
    }

    // Docker hands out its own pools in turn, and the range is one of them by default.
    [Theory]
    [InlineData("10.20.30.0/24 ", true)]
    [InlineData("10.20.0.0/16 fd00::/64 ", false)]
    public async Task Where_another_network_has_the_range_the_engine_chooses_the_subnets_unless_they_are_large(string chosen, bool isSmall)
    {
        using var docker = new DockerOnPath($"""case "$*" in *IPAM*) echo "{chosen}" ;; *Containers*) ;; "network inspect "*) exit 1 ;; *--subnet*) echo "Pool overlaps with other one on this address space" >&2; exit 1 ;; esac""");
        var isolation = CreateDataPlane(Samples.Options with { ModelNetworks = ModelNetworks.Parse("10.9.8.0/26")! }).IsolateAsync(Samples.Environment("trial"), Samples.Secrets, default);
        if (isSmall)
        {
            await isolation;
            // All four, for each of the two networks.
            Assert.Equal(8, docker.Calls.Count(call => call.Contains("--subnet", StringComparison.Ordinal)));
            Assert.Contains("network create --internal --opt com.docker.network.bridge.inhibit_ipv4=true --label controlplane.models=01900000-0000-7000-8000-000000000001 tenant-01900000-0000-7000-8000-000000000001_models", docker.Calls);
            return;
        }

        var failure = await Assert.ThrowsAsync<StepFailedException>(() => isolation);
        Assert.Equal(
            "All subnets of 10.9.8.0/26 are in use, and the engine's own ones are too large (10.20.0.0/16): set CONTROLPLANE_MODEL_NETWORKS to a larger range that nothing else uses.", failure.Message);
        Assert.Equal("network rm tenant-01900000-0000-7000-8000-000000000001_private", docker.Calls[^1]);
    }

    [Fact]
    public async Task Without_a_free_subnet_anywhere_the_setting_is_reported()
    {
        using var docker = new DockerOnPath(
            """
            case "$*" in
                *IPAM*) echo 10.20.30.0/24 ;;
                "network inspect "*) exit 1 ;;
                *--subnet*) echo "Pool overlaps with other one on this address space" >&2; exit 1 ;;
                *_models) echo "Error response from daemon: all predefined address pools have been fully subnetted" >&2; exit 1 ;;
            esac
            """);
        var options = Samples.Options with { ModelNetworks = ModelNetworks.Parse("10.9.8.0/26")! };
        var failure = await Assert.ThrowsAsync<StepFailedException>(() => CreateDataPlane(options).IsolateAsync(Samples.Environment("basic"), Samples.Secrets, default));
        Assert.Equal("All subnets of 10.9.8.0/26 are in use: set CONTROLPLANE_MODEL_NETWORKS to a larger range.", failure.Message);
        // All four, for each of the two networks.
        Assert.Equal(8, docker.Calls.Count(call => call.Contains("--subnet", StringComparison.Ordinal)));
    }

    public void Dispose() => Directory.Delete(_data, recursive: true);

    DockerCompose CreateDataPlane(DataPlaneOptions? options = null) => new(
        new ProjectFolder(new ControlPlaneOptions { Domain = "example.com", PublicUrl = new("https://portal.example.com"), DataDirectory = _data }, Samples.Options),
        options ?? Samples.Options);
}
