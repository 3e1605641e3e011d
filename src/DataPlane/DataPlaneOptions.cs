using ControlPlane.Catalog;
using ControlPlane.Catalog.Models;

namespace ControlPlane.DataPlane;

/// <summary>Settings shared by all environments of this installation.</summary>
public sealed record DataPlaneOptions
{
    /// <summary>The control plane as seen from an environment; gateways report usage to it.</summary>
    public required Uri ControlPlaneUrl { get; init; }

    /// <summary>Whether the control plane is no container in the environments' networks, as the proxy on a VPS, but on this host or another one.</summary>
    public bool IsControlPlaneElsewhere => ControlPlaneUrl.Host.Contains('.', StringComparison.Ordinal);

    /// <summary>The control plane as seen from the reverse proxy, which asks it for the keys of the tenants' APIs. null: as seen from an environment.</summary>
    public Uri? KeyCheckUrl { get; init; }

    /// <summary>Where the control plane says whose key a call to a tenant's API has.</summary>
    public const string KeyCheckPath = "/v1/chat-keys";

    public string KeyCheckUrlOf(Guid tenant) => $"{(KeyCheckUrl ?? ControlPlaneUrl).GetLeftPart(UriPartial.Path).TrimEnd('/')}{KeyCheckPath}/{tenant}";

    /// <summary>The shared Ollama as seen from the gateways.</summary>
    public Uri OllamaUrl { get; init; } = new("http://ollama:11434");

    /// <summary>Name of its container. It joins the networks between gateways and Ollama, never one of Open WebUI.</summary>
    public string OllamaContainer => OllamaUrl.Host;

    /// <summary>Whether the shared Ollama is no container of this engine, but on this host or another one.</summary>
    public bool IsOllamaElsewhere => OllamaUrl.Host.Contains('.', StringComparison.Ordinal);

    /// <summary>Addresses of an environment's small networks: between its gateway and Ollama, and those of its egress proxies.</summary>
    public ModelNetworks ModelNetworks { get; init; } = ModelNetworks.Parse("192.168.240.0/20")!;

    /// <summary>Name of the reverse proxy's container. It routes requests from the internet by the labels of the environments' containers.</summary>
    public string ProxyContainer { get; init; } = "traefik";

    /// <summary>Names of other containers that environments may connect to. Those that do not exist are skipped, and so is <see cref="OllamaContainer"/>.</summary>
    public IReadOnlyList<string> SharedContainers { get; init; } = [];

    /// <summary>Name of the container with the control plane's database server, which earlier releases connected to environments.</summary>
    public const string FormerDatabaseContainer = "postgres";

    /// <summary>The proxy's certificate resolver, used for https addresses.</summary>
    public string CertificateResolver { get; init; } = "letsencrypt";

    /// <summary>The platform's API keys by provider: <c>openai</c>, <c>gemini</c>, <c>anthropic</c>. Calls to a provider without a key fail.</summary>
    public IReadOnlyDictionary<string, string> ProviderKeys { get; init; } = new Dictionary<string, string>();

    /// <summary>The providers' interfaces, by provider. Gateways reach their servers and no others, except those of routes with an endpoint.</summary>
    public IReadOnlyDictionary<string, Uri> ProviderUrls { get; init; } = new Dictionary<string, Uri>
    {
        ["openai"] = new("https://api.openai.com/v1"),
        ["gemini"] = new("https://generativelanguage.googleapis.com/v1beta"),
        ["anthropic"] = new("https://api.anthropic.com/v1"),
    };

    /// <summary>Memory of the shared Ollama in MiB; null: not known. Models that need more are not offered.</summary>
    public int? OllamaMemoryMib { get; init; }

    /// <summary>The search service that Open WebUI asks, with <see cref="SearchKey"/>. null: web search is off in every plan.</summary>
    public Uri? SearchUrl { get; init; }

    /// <summary>Signs the environments' keys for <see cref="SearchUrl"/> (<see cref="SearchKeys"/>).</summary>
    public string SearchKey { get; init; } = "";

    /// <summary>Plans whose environments may read any public web page.</summary>
    public IReadOnlyCollection<string> WebPagePlans { get; init; } = [];

    /// <summary>The model of the catalog that generates images. null: image generation is off in every plan.</summary>
    public string? ImageModel { get; init; }

    /// <summary>The cores of the engine's host: Docker refuses a container with a higher limit. null: not known, as where environments are only rendered.</summary>
    public int? EngineCpus { get; init; }

    /// <summary>Limits of a dedicated Ollama.</summary>
    public Size DedicatedOllama { get; init; } = new(8, 32768, 512);

    /// <summary>Number of GPUs of a dedicated Ollama; 0 for CPU only.</summary>
    public int DedicatedGpus { get; init; }

    /// <summary>Group of a dedicated Ollama, by number: that of the folder with its models. By default that of the control plane's image.</summary>
    public string ModelsGroup { get; init; } = "1654";

    /// <summary>Whether each environment has its own Qdrant for document vectors. Otherwise Open WebUI stores them itself.</summary>
    public bool Qdrant { get; init; }

    /// <summary>Hard limit of each volume, enforced by the file system. null: none, as most file systems refuse to create such a volume. The same for all plans,
    /// because the size of a volume cannot be changed.</summary>
    public int? VolumeLimitGib { get; init; }

    /// <summary>Bytes of free disk space that the last copies of deleted environments leave.</summary>
    public long DiskReserve { get; init; } = new EnvironmentLimits().DiskReserve;

    /// <summary>How long a user stays signed in to Open WebUI.</summary>
    public TimeSpan ChatSession { get; init; } = TimeSpan.FromHours(24);

    /// <summary>How long the images may take to download: several gigabytes, once for all environments.</summary>
    public TimeSpan PullTimeout { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>How long an environment may take to become healthy once the images are present.</summary>
    public TimeSpan StartTimeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Name of the host inside containers. On Linux it is added to the containers that need it.</summary>
    public const string HostFromContainer = "host.docker.internal";

    /// <summary>Whether a plan includes web searches, and this installation has a search service.</summary>
    public bool SellsWebSearch(Plan plan) => plan.WebSearchesPerMonth != 0 && SearchUrl is not null;

    /// <summary>Whether a plan includes images, and the model that generates them.</summary>
    public bool SellsImages(Plan plan) => plan.ImagesPerMonth != 0 && ImageModel is not null && plan.Offered.Contains(ImageModel);

    /// <summary>The environment's models that run here: images where they are sold, and local models that fit into the memory of its Ollama.</summary>
    public IEnumerable<GatewayModel> Offered(TenantEnvironment environment) => environment.Models.Where(model =>
        (model.Name != ImageModel || SellsImages(environment.Plan))
        && !(model.IsLocal && model.MemoryMib > (LitellmConfig.HasDedicatedOllama(environment) ? DedicatedMemoryMib : OllamaMemoryMib)));

    // With GPUs, models are in their memory, which is not known.
    int? DedicatedMemoryMib => DedicatedGpus > 0 ? null : DedicatedOllama.MemoryMiB;

    /// <summary>The provider of local models.</summary>
    public const string LocalProvider = "ollama";

    /// <summary>What routes of this installation may lead to.</summary>
    public ModelProviders Providers => new(ProviderUrls.ToDictionary(provider => provider.Key, provider => provider.Value.IdnHost), LocalProvider, ["ollama_chat", "ollama"]);

    public static string ProviderVariable(string provider) => $"{provider.ToUpperInvariant()}_API_KEY";
}
