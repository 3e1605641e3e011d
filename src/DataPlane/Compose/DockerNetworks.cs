using System.Net;
using System.Net.Sockets;

namespace ControlPlane.DataPlane.Compose;

/// <summary>
/// The networks of an environment. All but one are internal: nothing in them reaches the internet, the host or another tenant. The host has no address in them, because
/// whoever is in a network reaches everything that the host listens on at that address.
/// <c>tenant-{name}_private</c> has all of its containers except a dedicated Ollama, with the proxy.
/// <c>tenant-{name}_models</c> has the gateway and Ollama only: Ollama asks for no credentials, so whoever reaches it can use and delete the models of all tenants.
/// <c>tenant-{name}_gateway</c> has the gateway and its egress proxy, <c>tenant-{name}_weights</c> downloads of models for a dedicated Ollama and theirs, and <c>tenant-{name}_outside</c>, which leads outside, the egress proxies. Those two
/// exist where an egress proxy has something to pass.
/// </summary>
sealed class DockerNetworks(DataPlaneOptions options)
{
    /// <summary>Label of the networks that the proxy joins, read by <c>deploy/vps</c>.</summary>
    public const string TenantLabel = "controlplane.tenant";

    /// <summary>Label of the networks that Ollama joins, read by <c>deploy/vps</c>.</summary>
    public const string ModelsLabel = "controlplane.models";

    /// <summary>Label of the networks of egress proxies, which no container of the platform joins; read by <c>deploy/vps</c>.</summary>
    public const string EgressLabel = "controlplane.egress";

    /// <summary>Without the option, Docker gives the host an address in an internal network, too.</summary>
    public const string InternalOptions = "--internal --opt com.docker.network.bridge.inhibit_ipv4=true";

    /// <summary>Of the largest network that an environment gets.</summary>
    const int LargestPrefix = 24;

    static readonly TimeSpan CommandTimeout = TimeSpan.FromMinutes(2);

    IEnumerable<string> PlatformContainers => [.. options.SharedContainers, options.ProxyContainer, options.OllamaContainer, DataPlaneOptions.FormerDatabaseContainer];

    IEnumerable<string> TenantContainers => options.SharedContainers.Where(container => container != options.OllamaContainer);

    /// <summary>Creates the networks, if they do not exist.</summary>
    public async Task CreateAsync(TenantEnvironment environment, CancellationToken ct)
    {
        var (tenant, models) = Names(environment);
        await CreateSmallAsync(environment, tenant, TenantLabel, isInternal: true, ct);
        await CreateSmallAsync(environment, models, ModelsLabel, isInternal: true, ct);
        var gateway = EgressRules.OfGateway(environment, options).Any;
        if (gateway)
        {
            await CreateSmallAsync(environment, ComposeRendering.GatewayNetworkName(environment.Name), EgressLabel, isInternal: true, ct);
        }

        var weights = LitellmConfig.HasDedicatedOllama(environment);
        if (weights)
        {
            await CreateSmallAsync(environment, ComposeRendering.WeightsNetworkName(environment.Name), EgressLabel, isInternal: true, ct);
        }

        if (gateway || weights || EgressRules.OfOpenWebui(environment, options).Any)
        {
            await CreateSmallAsync(environment, ComposeRendering.OutsideNetworkName(environment.Name), EgressLabel, isInternal: false, ct);
        }
    }

    /// <summary>Connects those of the platform's containers that belong to the networks, and disconnects those that earlier releases connected.</summary>
    /// <returns>Names of the containers that do not exist.</returns>
    public async Task<IReadOnlyList<string>> ConnectSharedAsync(TenantEnvironment environment, CancellationToken ct)
    {
        var (tenant, models) = Names(environment);
        var missing = new List<string>();
        foreach (var container in TenantContainers)
        {
            if (!await ConnectAsync(tenant, container, ct))
            {
                missing.Add(container);
            }
        }

        // As earlier releases did.
        foreach (var network in (string[])[tenant, ComposeRendering.FormerNetworkName(environment.Name)])
        {
            await DisconnectAsync(network, new[] { options.OllamaContainer, DataPlaneOptions.FormerDatabaseContainer }.Except(TenantContainers), ct);
        }

        if (LitellmConfig.HasDedicatedOllama(environment))
        {
            await DisconnectAsync(models, [options.OllamaContainer], ct);
        }
        else if (!await ConnectAsync(models, options.OllamaContainer, ct) && !options.IsOllamaElsewhere)
        {
            missing.Add(options.OllamaContainer);
        }

        return missing;
    }

    /// <summary>Removes the networks, if they exist.</summary>
    public async Task RemoveAsync(TenantEnvironment environment, CancellationToken ct)
    {
        var (tenant, models) = Names(environment);
        string[] networks =
        [
            tenant, models, ComposeRendering.GatewayNetworkName(environment.Name), ComposeRendering.WeightsNetworkName(environment.Name),
            ComposeRendering.OutsideNetworkName(environment.Name), ComposeRendering.FormerNetworkName(environment.Name),
        ];
        foreach (var network in networks)
        {
            if (await ExistsAsync(network, ct))
            {
                await DisconnectAsync(network, PlatformContainers, ct);
                await RunAsync(["network", "rm", network], ct);
            }
        }
    }

    /// <summary>Removes the network of an earlier release, once no container of the environment is in it: it led outside. The proxy moves to the present one.</summary>
    public async Task LeaveFormerAsync(TenantEnvironment environment, CancellationToken ct)
    {
        var former = ComposeRendering.FormerNetworkName(environment.Name);
        if (await ExistsAsync(former, ct))
        {
            await ConnectAsync(ComposeRendering.NetworkName(environment.Name), options.ProxyContainer, ct);
            await DisconnectAsync(former, PlatformContainers, ct);
            // It stays where an operator has connected other containers to it.
            await DockerCommand.RunAsync(["network", "rm", former], CommandTimeout, ct);
        }
    }

    /// <returns>False if the container does not exist.</returns>
    public static async Task<bool> ConnectAsync(string network, string container, CancellationToken ct)
    {
        if ((await DockerCommand.RunAsync(["container", "inspect", "--format", "{{.Name}}", container], CommandTimeout, ct)).ExitCode != 0)
        {
            return false;
        }

        if (!(await ConnectedContainersAsync(network, ct)).Contains(container))
        {
            await RunAsync(["network", "connect", network, container], ct);
        }

        return true;
    }

    public static async Task DisconnectAsync(string network, IEnumerable<string> containers, CancellationToken ct)
    {
        if (!await ExistsAsync(network, ct))
        {
            return;
        }

        foreach (var container in (await ConnectedContainersAsync(network, ct)).Intersect(containers))
        {
            await RunAsync(["network", "disconnect", "--force", network, container], ct);
        }
    }

    // Docker's own pools have room for 31 networks of 4,096 addresses or more. These need a few addresses each, so they get small subnets of their own range. It is one of
    // those pools by default, and Docker hands them out in turn: while no environment has a network in it, any other network may get it as a whole. Then its pools are used, if
    // they are small: whoever sends to all addresses of a large network fills the kernel's table of neighbours, which all containers share with the host.
    async Task CreateSmallAsync(TenantEnvironment environment, string network, string label, bool isInternal, CancellationToken ct)
    {
        if (await ExistsAsync(network, ct))
        {
            return;
        }

        foreach (var subnet in options.ModelNetworks.From(environment.Tenant).Append(null))
        {
            string[] create =
            [
                "network", "create", .. isInternal ? InternalOptions.Split(' ') : [], .. subnet is null ? Array.Empty<string>() : ["--subnet", subnet],
                "--label", $"{label}={environment.Tenant}", network,
            ];
            var result = await DockerCommand.RunAsync(create, CommandTimeout, ct);
            if (result.ExitCode == 0)
            {
                await (subnet is null ? RefuseLargeAsync(network, ct) : Task.CompletedTask);
                return;
            }

            if (!result.Output.Contains("overlap", StringComparison.OrdinalIgnoreCase) && !result.Output.Contains("address pool", StringComparison.OrdinalIgnoreCase))
            {
                throw Failure(result);
            }
        }

        throw new StepFailedException($"All subnets of {options.ModelNetworks} are in use: set CONTROLPLANE_MODEL_NETWORKS to a larger range.");
    }

    async Task RefuseLargeAsync(string network, CancellationToken ct)
    {
        var subnets = await RunAsync(["network", "inspect", "--format", "{{range .IPAM.Config}}{{.Subnet}} {{end}}", network], ct);
        var large = subnets.Split(' ', StringSplitOptions.RemoveEmptyEntries).FirstOrDefault(
            subnet => IPNetwork.TryParse(subnet, out var range) && range.BaseAddress.AddressFamily == AddressFamily.InterNetwork && range.PrefixLength < LargestPrefix);
        if (large is not null)
        {
            await RunAsync(["network", "rm", network], ct);
            throw new StepFailedException(
                $"All subnets of {options.ModelNetworks} are in use, and the engine's own ones are too large ({large}): set CONTROLPLANE_MODEL_NETWORKS to a larger range that nothing else uses.");
        }
    }

    static (string Tenant, string Models) Names(TenantEnvironment environment) =>
        (ComposeRendering.NetworkName(environment.Name), ComposeRendering.ModelNetworkName(environment.Name));

    static async Task<string[]> ConnectedContainersAsync(string network, CancellationToken ct) =>
        (await RunAsync(["network", "inspect", "--format", "{{range .Containers}}{{.Name}} {{end}}", network], ct))
        .Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    static async Task<bool> ExistsAsync(string network, CancellationToken ct) =>
        (await DockerCommand.RunAsync(["network", "inspect", "--format", "{{.Name}}", network], CommandTimeout, ct)).ExitCode == 0;

    static async Task<string> RunAsync(string[] arguments, CancellationToken ct)
    {
        var result = await DockerCommand.RunAsync(arguments, CommandTimeout, ct);
        return result.ExitCode == 0 ? result.Output : throw Failure(result);
    }

    static StepFailedException Failure(DockerResult result) => new($"docker exited with {result.ExitCode}: {result.Output}");
}
