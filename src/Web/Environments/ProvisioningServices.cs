using System.Globalization;
using ControlPlane.DataPlane.Compose;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace ControlPlane.Web.Environments;

/// <summary>Services and settings of provisioning and the data plane.</summary>
public static class ProvisioningServices
{
    static readonly string[] Providers = ["openai", "gemini", "anthropic"];

    /// <exception cref="SettingException">A setting is invalid; the message names it and says what to set.</exception>
    public static void AddProvisioning(this IServiceCollection services, IConfiguration configuration, Settings settings)
    {
        services.TryAddSingleton(new ProvisioningOptions());
        services.TryAddSingleton(ReadLimits(configuration, settings.Options.Sandbox));
        services.AddSingleton(ReadDataPlaneOptions(configuration, settings));
        services.AddSingleton<ProjectFolder>();
        services.AddSingleton(s => ChooseDataPlane.Create(
            configuration[ChooseDataPlane.Setting], s.GetRequiredService<ProjectFolder>(), s.GetRequiredService<DataPlaneOptions>()));
        services.TryAddSingleton<ISecretStore, DatabaseSecretStore>();
        services.AddSingleton<TenantSecrets>();
        services.AddSingleton<CopySchema>();
        services.AddSingleton<FormerDatabases>();
        services.AddSingleton<TenantDatabase>();
        services.TryAddSingleton<IModelStorage, ModelFolders>();
        services.AddSingleton<LastCopy>();
        services.AddSingleton<WelcomeMail>();
        services.AddSingleton<ProvisioningSteps>();
        services.AddSingleton<ExecuteRun>();
        services.AddSingleton<ModelClaims>();
        services.AddSingleton<PullModels>();
        services.AddSingleton<OwnWeights>();
        services.AddSingleton<ReadEnvironmentCapacity>();
        services.AddSingleton<MissingEnvironments>();
        services.AddSingleton<EndTrials>();
        services.AddSingleton<EnforceAccess>();
        services.AddSingleton<ApplyApprovals>();
        services.AddSingleton<MeasureStorage>();
        services.AddSingleton<CountDocuments>();
        services.AddSingleton<AllowCleanup>();
        services.AddSingleton<RunProvisioning>();
        services.AddSingleton<EnvironmentAccess>();
        services.AddSingleton<RestartEnvironment>();
        services.AddSingleton<EditChatSettings>();
        services.AddSingleton<OperateEnvironment>();
        services.AddSingleton(s => s.GetRequiredService<DataPlaneOptions>().Providers);
        services.AddSingleton<AddModel>();
        services.AddSingleton<AddRoute>();
        services.AddSingleton<EndRoute>();
        services.AddSingleton<SetPrice>();
        services.AddSingleton<SetPlans>();
        services.AddSingleton<IModelHealth>(s => new ModelHealth(s.GetRequiredService<DataPlaneOptions>(), hasEngine: configuration[ChooseDataPlane.Setting] == ChooseDataPlane.Compose));
        services.AddSingleton<CheckModelRoutes>();
        services.AddSingleton<MeasureAvailability>();
    }

    // Deployments pass empty values for settings that are not set.
    static EnvironmentLimits ReadLimits(IConfiguration configuration, bool sandbox) => new()
    {
        Environments = configuration["CONTROLPLANE_ENVIRONMENTS"] is { Length: > 0 } ? configuration.ReadCount("CONTROLPLANE_ENVIRONMENTS", 1, "largest number of environments") : null,
        TrialsPerDay = configuration.ReadCount("CONTROLPLANE_LIMIT_TRIALS", new EnvironmentLimits().TrialsPerDay, "number per day") * (sandbox ? 1000 : 1),
        TrialShare = configuration.ReadCount("CONTROLPLANE_TRIAL_SHARE", new EnvironmentLimits().TrialShare, "percent", maximum: 100),
        DiskReserve = ReadDiskReserve(configuration),
    };

    static long ReadDiskReserve(IConfiguration configuration) =>
        (long)configuration.ReadCount("CONTROLPLANE_DISK_RESERVE", (int)(new EnvironmentLimits().DiskReserve >> 30), "number of GiB") << 30;

    /// <exception cref="SettingException">A setting is invalid; the message names it and says what to set.</exception>
    static DataPlaneOptions ReadDataPlaneOptions(IConfiguration configuration, Settings settings)
    {
        if (configuration[ChooseDataPlane.Setting] is { } choice and not (ChooseDataPlane.Compose or ChooseDataPlane.Render))
        {
            throw new SettingException($"{ChooseDataPlane.Setting} is \"{choice}\": set it to compose or render, or leave it out.");
        }

        var defaults = new DataPlaneOptions
        {
            ControlPlaneUrl = Url(configuration, "CONTROLPLANE_ENVIRONMENT_URL", FromContainer(settings.Options.PublicUrl)),
            KeyCheckUrl = configuration["CONTROLPLANE_KEY_CHECK_URL"] is { Length: > 0 } ? Url(configuration, "CONTROLPLANE_KEY_CHECK_URL", settings.Options.PublicUrl) : null,
            ProviderKeys = Providers
                .Select(provider => (Provider: provider, Key: configuration[DataPlaneOptions.ProviderVariable(provider)]))
                .Where(provider => !string.IsNullOrEmpty(provider.Key)).ToDictionary(provider => provider.Provider, provider => provider.Key!),
            DedicatedGpus = Number(configuration, "CONTROLPLANE_DEDICATED_GPUS", 0),
            ChatSession = TimeSpan.FromHours(configuration.ReadCount("CONTROLPLANE_CHAT_SESSION_HOURS", 24, "hours", maximum: 8_760)),
            VolumeLimitGib = configuration["CONTROLPLANE_VOLUME_LIMIT"] is { Length: > 0 } ? configuration.ReadCount("CONTROLPLANE_VOLUME_LIMIT", 1, "number of GiB") : null,
            DiskReserve = ReadDiskReserve(configuration),
            Qdrant = string.Equals(configuration["CONTROLPLANE_QDRANT"], "true", StringComparison.OrdinalIgnoreCase),
        };
        return defaults with
        {
            DedicatedOllama = defaults.DedicatedOllama with
            {
                Cpus = configuration.ReadCount("CONTROLPLANE_DEDICATED_CPUS", (int)defaults.DedicatedOllama.Cpus, "cores", maximum: 1_024),
                MemoryMiB = configuration.ReadCount("CONTROLPLANE_DEDICATED_MEMORY", defaults.DedicatedOllama.MemoryMiB, "MiB", maximum: 16_777_216),
            },
            SearchUrl = configuration["CONTROLPLANE_SEARCH_URL"] is { Length: > 0 } ? ReadSearchUrl(configuration) : null,
            SearchKey = configuration["CONTROLPLANE_SEARCH_KEY"] ?? "",
            ImageModel = configuration["CONTROLPLANE_IMAGE_MODEL"] is { Length: > 0 } model ? model : null,
            WebPagePlans = configuration["CONTROLPLANE_WEB_PAGES"]?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [],
            ModelNetworks = ReadModelNetworks(configuration, defaults.ModelNetworks),
            OllamaMemoryMib = configuration["CONTROLPLANE_OLLAMA_MEMORY"] is { Length: > 0 } memory ? ReadMemory(memory) : null,
            OllamaUrl = Url(configuration, "CONTROLPLANE_OLLAMA_URL", defaults.OllamaUrl),
            ProxyContainer = configuration["CONTROLPLANE_PROXY_CONTAINER"] ?? defaults.ProxyContainer,
            SharedContainers = configuration["CONTROLPLANE_SHARED_CONTAINERS"]?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
                ?? defaults.SharedContainers,
            CertificateResolver = configuration["CONTROLPLANE_CERTIFICATE_RESOLVER"] ?? defaults.CertificateResolver,
            ModelsGroup = ProcessGroup.Id ?? defaults.ModelsGroup,
        };
    }

    // The key proves which tenant asks, so a service without one could not count.
    static Uri ReadSearchUrl(IConfiguration configuration)
    {
        var url = Url(configuration, "CONTROLPLANE_SEARCH_URL", new("https://search.example.com"));
        if ((configuration["CONTROLPLANE_SEARCH_KEY"] ?? "").Length < 32)
        {
            throw new SettingException("CONTROLPLANE_SEARCH_KEY must have at least 32 characters when CONTROLPLANE_SEARCH_URL is set, such as the output of `openssl rand -hex 32`.");
        }

        try
        {
            EgressHost.Of(url);
            return url;
        }
        catch (ArgumentException)
        {
            throw new SettingException($"CONTROLPLANE_SEARCH_URL is \"{url}\": enter a URL with the full name of a public host, such as https://search.example.com/search.");
        }
    }

    // As Docker and install.sh write it.
    static int ReadMemory(string value) =>
        value[^1] is 'm' or 'g' && int.TryParse(value[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is > 0 and <= 16_777_216
            ? (value[^1] == 'g' ? Math.Min(number, 16_384) * 1_024 : number)
            : throw new SettingException($"CONTROLPLANE_OLLAMA_MEMORY is \"{value}\": enter megabytes or gigabytes, such as 16g.");

    static ModelNetworks ReadModelNetworks(IConfiguration configuration, ModelNetworks defaultValue) =>
        configuration["CONTROLPLANE_MODEL_NETWORKS"] is not { } value
            ? defaultValue
            : ModelNetworks.Parse(value)
                ?? throw new SettingException($"CONTROLPLANE_MODEL_NETWORKS is \"{value}\": enter an unused IPv4 range from /8 to /28, such as {defaultValue}.");

    // Local to this process means the host to a container.
    static Uri FromContainer(Uri url) => url.Host is "localhost" or "127.0.0.1" or "[::1]" ? new UriBuilder(url) { Host = DataPlaneOptions.HostFromContainer }.Uri : url;

    static Uri Url(IConfiguration configuration, string name, Uri defaultValue) => configuration[name] is not { } value
        ? defaultValue
        : Uri.TryCreate(value, UriKind.Absolute, out var url) && url.Scheme is "http" or "https"
            ? url
            : throw new SettingException($"{name} is \"{value}\": enter a URL such as http://ollama:11434.");

    static int Number(IConfiguration configuration, string name, int defaultValue) => configuration[name] is not { } value
        ? defaultValue
        : int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new SettingException($"{name} is \"{value}\": enter a whole number.");
}
