using System.Globalization;

namespace ControlPlane.DataPlane.Compose;

/// <summary>Renders the services of one environment. Secrets appear as <c>${VARIABLE}</c> only; their values are in the project's <c>.env</c>.</summary>
sealed class ComposeServices(TenantEnvironment environment, DataPlaneOptions options)
{
    const string SocketFolder = "/run/postgresql";
    readonly PlanSizes _sizes = PlanSizes.For(environment.Plan.Name);

    public ComposeService OpenWebui() => ComposeService.Of(
        Images.Get("open-webui"), _sizes.OpenWebui,
        new(["CMD", "curl", "--fail", "--silent", "--output", "/dev/null", "http://localhost:8080/ready"], StartPeriod: "300s")) with
    {
        DependsOn = WaitFor(["litellm", "redis", .. options.Qdrant ? ["qdrant"] : Array.Empty<string>()]),
        Environment = new OpenWebuiSettings(environment, options).All(DatabaseUrl("")),
        Labels = RouteLabels("open-webui", 8080),
        Volumes = ["open-webui:/app/backend/data", .. SocketVolume()],
        ExtraHosts = HostEntry(),
    };

    /// <param name="configDigest">Digest of the mounted files: as a label it makes Compose recreate the container when they change.</param>
    public ComposeService Litellm(string configDigest) => ComposeService.Of(
        Images.Get("litellm"), _sizes.Litellm,
        new(["CMD", "python3", "-c", "import urllib.request; urllib.request.urlopen('http://localhost:4000/health/readiness', timeout=8)"], StartPeriod: "180s")) with
    {
        Command = ["--config", "/app/config.yaml", "--port", "4000"],
        DependsOn = WaitFor(["redis"]),
        Environment = LitellmEnvironment(),
        Labels = new() { ["controlplane.config"] = configDigest },
        Volumes =
        [
            "./litellm/config.yaml:/app/config.yaml:ro", "./litellm/budget_hook.py:/app/budget_hook.py:ro",
            // Usage events are spooled here until delivered; the volume outlives the container.
            "litellm-spool:/var/spool/budget", .. SocketVolume(),
        ],
        ExtraHosts = HostEntry(),
    };

    public ComposeService Redis() => ComposeService.Of(
        Images.Get("redis"), _sizes.Redis, new(["CMD-SHELL", "REDISCLI_AUTH=$$REDIS_PASSWORD redis-cli ping | grep -q PONG"], StartPeriod: "10s")) with
    {
        // Expanded by a shell in the container, so that the password is not part of the command that Docker stores and shows.
        Command =
        [
            "sh", "-c",
            $"exec redis-server --requirepass \"$$REDIS_PASSWORD\" --appendonly yes --maxmemory {_sizes.Redis.MemoryMiB * 3 / 4}mb --maxmemory-policy volatile-lru",
        ],
        User = "999:1000",
        ReadOnly = true,
        Environment = new() { ["REDIS_PASSWORD"] = "${REDIS_PASSWORD}" },
        Volumes = ["redis:/data"],
    };

    public ComposeService Ollama(string models) => ComposeService.Of(
        Images.Get("ollama"), PlanSizes.Ollama, new(["CMD", "ollama", "list"], StartPeriod: "60s")) with
    {
        Environment = new() { ["OLLAMA_NO_CLOUD"] = "1", ["OLLAMA_KEEP_ALIVE"] = "30m" },
        Volumes = [$"{Escape(models)}:/root/.ollama"],
        Deploy = options.DedicatedGpus > 0 ? new(new(new([new("nvidia", options.DedicatedGpus, ["gpu"])]))) : null,
    };

    public static ComposeService Qdrant() => ComposeService.Of(
        Images.Get("qdrant"), PlanSizes.Qdrant,
        new(["CMD", "bash", "-c", ": > /dev/tcp/127.0.0.1/6333"], StartPeriod: "30s")) with
    {
        Environment = new() { ["QDRANT__SERVICE__API_KEY"] = "${QDRANT_API_KEY}", ["QDRANT__TELEMETRY_DISABLED"] = "true" },
        Volumes = ["qdrant:/qdrant/storage"],
    };

    /// <summary>Escapes text for a Compose file, where a dollar sign starts a variable.</summary>
    public static string Escape(string text) => text.Replace("$", "$$", StringComparison.Ordinal);

    Dictionary<string, string> LitellmEnvironment()
    {
        var variables = new Dictionary<string, string>
        {
            ["LITELLM_MASTER_KEY"] = "${LITELLM_MASTER_KEY}",
            ["LITELLM_SALT_KEY"] = "${LITELLM_SALT_KEY}",
            ["LITELLM_VIRTUAL_KEY"] = "${LITELLM_VIRTUAL_KEY}",
            ["DATABASE_URL"] = DatabaseUrl($"schema={environment.GatewaySchema}"),
            ["REDIS_HOST"] = "redis",
            ["REDIS_PORT"] = "6379",
            ["REDIS_PASSWORD"] = "${REDIS_PASSWORD}",
            // Settings of budget_hook.py.
            ["CONTROLPLANE_URL"] = Escape(options.ControlPlaneUrl.GetLeftPart(UriPartial.Path).TrimEnd('/')),
            ["CONTROLPLANE_KEY"] = "${GATEWAY_KEY}",
            ["BUDGET_SPOOL_DIR"] = "/var/spool/budget",
            ["STORE_MODEL_IN_DB"] = "False",
            ["DISABLE_ADMIN_UI"] = "True",
            ["NO_DOCS"] = "True",
        };
        foreach (var provider in environment.Models.Where(model => !model.IsLocal).Select(model => model.Provider).Distinct())
        {
            var variable = DataPlaneOptions.ProviderVariable(provider);
            variables[variable] = $"${{{variable}}}";
        }

        return variables;
    }

    string DatabaseUrl(string query)
    {
        var (host, socket) = options.DatabaseHost.StartsWith('/') ? ("localhost", $"host={SocketFolder}") : (options.DatabaseHost, "");
        var parameters = string.Join('&', new[] { query, socket }.Where(part => part.Length > 0));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"postgresql://{environment.DatabaseRole}:${{DATABASE_PASSWORD}}@{host}:{options.DatabasePort}/{Escape(Uri.EscapeDataString(options.DatabaseName))}{(parameters.Length > 0 ? "?" : "")}{parameters}");
    }

    string[] SocketVolume() => options.DatabaseHost.StartsWith('/') ? [$"{Escape(options.DatabaseHost)}:{SocketFolder}:ro"] : [];

    string[]? HostEntry() =>
        options.DatabaseHost == DataPlaneOptions.HostFromContainer || options.ControlPlaneUrl.Host == DataPlaneOptions.HostFromContainer
        || options.OllamaUrl.Host == DataPlaneOptions.HostFromContainer
            ? [$"{DataPlaneOptions.HostFromContainer}:host-gateway"]
            : null;

    Dictionary<string, string> RouteLabels(string service, int port)
    {
        var name = $"tenant-{environment.Slug}-{service}";
        var labels = new Dictionary<string, string>
        {
            ["traefik.enable"] = "true",
            ["traefik.docker.network"] = ComposeRendering.NetworkName(environment.Slug),
            [$"traefik.http.routers.{name}.rule"] = $"Host(`{environment.Address}`)",
            [$"traefik.http.services.{name}.loadbalancer.server.port"] = port.ToString(CultureInfo.InvariantCulture),
            [$"traefik.http.routers.{name}.entrypoints"] = environment.Url.Scheme == Uri.UriSchemeHttps ? "websecure" : "web",
            ["controlplane.tenant"] = environment.Tenant.ToString(),
        };
        if (environment.Url.Scheme == Uri.UriSchemeHttps)
        {
            labels[$"traefik.http.routers.{name}.tls.certresolver"] = options.CertificateResolver;
        }

        return labels;
    }

    static Dictionary<string, DependsOn> WaitFor(IEnumerable<string> services) => services.ToDictionary(name => name, _ => new DependsOn());
}
