namespace ControlPlane.DataPlane;

/// <summary>What every environment of this installation shares.</summary>
public sealed record DataPlaneOptions
{
    /// <summary>The database server as environments reach it: a host name, or the folder of its Unix socket.</summary>
    public required string DatabaseHost { get; init; }
    public required int DatabasePort { get; init; }
    public required string DatabaseName { get; init; }

    /// <summary>The control plane as environments reach it: their gateways report usage there.</summary>
    public required Uri ControlPlaneUrl { get; init; }

    /// <summary>The shared Ollama as environments reach it.</summary>
    public Uri OllamaUrl { get; init; } = new("http://ollama:11434");

    /// <summary>Name of the container that takes requests from the internet and routes them by the labels of environments.</summary>
    public string ProxyContainer { get; init; } = "traefik";

    /// <summary>Names of further containers that every environment may talk to. One that does not exist is left out.</summary>
    public IReadOnlyList<string> SharedContainers { get; init; } = ["ollama", "postgres"];

    /// <summary>The proxy's certificate resolver, for addresses served over https.</summary>
    public string CertificateResolver { get; init; } = "letsencrypt";

    /// <summary>The platform's own keys by provider: <c>openai</c>, <c>gemini</c>, <c>anthropic</c>. Calls to a provider without one fail.</summary>
    public IReadOnlyDictionary<string, string> ProviderKeys { get; init; } = new Dictionary<string, string>();

    /// <summary>GPUs of a dedicated Ollama; 0 leaves it to the CPU.</summary>
    public int DedicatedGpus { get; init; }

    /// <summary>Whether environments keep their documents' vectors in a Qdrant of their own rather than inside Open WebUI.</summary>
    public bool Qdrant { get; init; }

    /// <summary>How long an environment may take to become healthy; its first start pulls several gigabytes.</summary>
    public TimeSpan StartTimeout { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>The host as seen from a container; also reachable on Linux, where the engine does not name it by itself.</summary>
    public const string HostFromContainer = "host.docker.internal";

    public static string ProviderVariable(string provider) => $"{provider.ToUpperInvariant()}_API_KEY";
}
