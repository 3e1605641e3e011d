using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace ControlPlane.DataPlane.Compose;

/// <summary>The files of one environment's Compose project, without its secrets.</summary>
/// <param name="Compose"><c>compose.yaml</c></param>
/// <param name="GatewayConfig"><c>litellm/config.yaml</c></param>
/// <param name="BudgetHook"><c>litellm/budget_hook.py</c></param>
/// <param name="DatabaseStart"><c>database/start.sh</c></param>
/// <param name="DatabaseLogins"><c>database/logins.sql</c></param>
/// <param name="Egress"><c>egress/open-webui.conf</c>; null if Open WebUI reaches nothing outside.</param>
/// <param name="GatewayEgress"><c>egress/gateway.conf</c>; null if the gateway reaches nothing outside.</param>
/// <param name="WeightsEgress"><c>egress/weights.conf</c>; null without a dedicated Ollama.</param>
/// <param name="WeightsPull"><c>weights/pull.sh</c></param>
public sealed record ComposeProject(
    string Compose, string GatewayConfig, string BudgetHook, string DatabaseStart, string DatabaseLogins, string? Egress, string? GatewayEgress, string? WeightsEgress,
    string WeightsPull);

/// <summary>Renders a <see cref="TenantEnvironment"/> as a Compose project. Deterministic: the same input renders to the same bytes.</summary>
public static class ComposeRendering
{
    /// <summary>Name of an environment's Compose project. Its networks begin with it and an underscore, which ids and slugs do not contain, so no other environment's can have these names.</summary>
    /// <param name="name"><see cref="TenantEnvironment.Name"/></param>
    public static string ProjectName(string name) => $"tenant-{name}";

    /// <summary>The network of all its containers except a dedicated Ollama, with the proxy of the internet.</summary>
    public static string NetworkName(string name) => $"{ProjectName(name)}_private";

    /// <summary>The network between the tenant's gateway and Ollama.</summary>
    public static string ModelNetworkName(string name) => $"{ProjectName(name)}_models";

    /// <summary>The network between the tenant's gateway and its egress proxy.</summary>
    public static string GatewayNetworkName(string name) => $"{ProjectName(name)}_gateway";

    /// <summary>The network between the container that downloads models and its egress proxy.</summary>
    public static string WeightsNetworkName(string name) => $"{ProjectName(name)}_weights";

    /// <summary>The network of the egress proxies, the only one with a way outside.</summary>
    public static string OutsideNetworkName(string name) => $"{ProjectName(name)}_outside";

    /// <summary>The network of releases up to 0.2, which led outside.</summary>
    public static string FormerNetworkName(string name) => ProjectName(name);

    /// <param name="modelStorage">Absolute path of the tenant's model folder.</param>
    public static ComposeProject Render(TenantEnvironment environment, DataPlaneOptions options, string modelStorage)
    {
        var config = LitellmConfig.Render(environment, options);
        var hook = EmbeddedFile.Read("budget_hook.py");
        var (start, logins) = (EmbeddedFile.Read("start.sh"), EmbeddedFile.Read("logins.sql"));
        var services = new ComposeServices(environment, options);
        var file = new ComposeFile
        {
            Name = ProjectName(environment.Name),
            Services = new()
            {
                ["open-webui"] = services.OpenWebui(),
                ["litellm"] = services.Litellm(Digest(config + hook)),
                ["redis"] = services.Redis(),
                [ComposeServices.DatabaseService] = services.Database(Digest(start + logins)),
            },
            // Created outside the project: containers of the platform join them as well, and Compose cannot remove a network that has other containers.
            Networks = new()
            {
                [ComposeService.PrivateNetwork] = new(NetworkName(environment.Name), External: true),
                [ComposeService.ModelNetwork] = new(ModelNetworkName(environment.Name), External: true),
            },
            Volumes = new() { ["database"] = new(), ["litellm-spool"] = new(), ["open-webui"] = new(), ["redis"] = new() },
        };
        var egress = Egress(file, services, EgressRules.OfOpenWebui(environment, options), ComposeServices.Egress, ComposeService.PrivateNetwork, "open-webui.conf");
        var gatewayEgress = Egress(file, services, EgressRules.OfGateway(environment, options), ComposeServices.GatewayEgress, ComposeService.GatewayNetwork, "gateway.conf");
        if (gatewayEgress is not null)
        {
            file.Networks[ComposeService.GatewayNetwork] = new(GatewayNetworkName(environment.Name), External: true);
        }

        string? weightsEgress = null;
        if (LitellmConfig.HasDedicatedOllama(environment))
        {
            file.Services[ComposeServices.DedicatedOllama] = services.Ollama(modelStorage);
            file.Services[ComposeServices.Weights] = services.Pull(modelStorage);
            weightsEgress = Egress(file, services, EgressRules.OfWeights, ComposeServices.WeightsEgress, ComposeService.WeightsNetwork, "weights.conf");
            file.Services[ComposeServices.WeightsEgress] = file.Services[ComposeServices.WeightsEgress] with { Profiles = [ComposeServices.Weights], Restart = null };
            file.Networks[ComposeService.WeightsNetwork] = new(WeightsNetworkName(environment.Name), External: true);
        }

        if (egress is not null || gatewayEgress is not null || weightsEgress is not null)
        {
            file.Networks[ComposeService.OutsideNetwork] = new(OutsideNetworkName(environment.Name), External: true);
        }

        if (options.Qdrant)
        {
            file.Services["qdrant"] = ComposeServices.Qdrant();
            file.Volumes["qdrant"] = new();
        }

        if (options.EngineCpus is { } cpus)
        {
            foreach (var (name, service) in file.Services.ToList())
            {
                file.Services[name] = service with { Cpus = Math.Min(service.Cpus, cpus) };
            }
        }

        if (options.VolumeLimitGib is { } limit)
        {
            foreach (var volume in file.Volumes.Keys.ToList())
            {
                file.Volumes[volume] = new() { DriverOpts = new() { ["size"] = string.Create(CultureInfo.InvariantCulture, $"{limit}g") } };
            }
        }

        return new ComposeProject($"{Header(environment)}{Yaml.Write(file)}", config, hook, start, logins, egress, gatewayEgress, weightsEgress, EmbeddedFile.Read("pull.sh"));
    }

    /// <summary>Adds an egress proxy, if there is anything to reach.</summary>
    /// <returns>Its configuration.</returns>
    static string? Egress(ComposeFile file, ComposeServices services, EgressRules rules, string name, string network, string configFile)
    {
        if (!rules.Any)
        {
            return null;
        }

        var config = SquidConfig.Render(rules);
        file.Services[name] = services.EgressProxy(network, configFile, Digest(config));
        return config;
    }

    static string Digest(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    static string Header(TenantEnvironment environment) => $"""
        # Generated by the control plane, which overwrites changes. Secrets are in .env beside this file. To start it by hand:
        #   docker network create {OutsideNetworkName(environment.Name)}
        #   for name in private models gateway{(LitellmConfig.HasDedicatedOllama(environment) ? " weights" : "")}; do docker network create {DockerNetworks.InternalOptions} {ProjectName(environment.Name)}_$name; done
        #   docker compose up --detach --wait


        """.ReplaceLineEndings("\n");
}
