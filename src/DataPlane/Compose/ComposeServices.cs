using System.Buffers.Binary;
using System.Globalization;

namespace ControlPlane.DataPlane.Compose;

/// <param name="User">User and group by number.</param>
/// <param name="Path">In the container of <paramref name="Service"/>.</param>
sealed record VolumeOwner(string Service, string User, string Path);

/// <summary>Renders the services of one environment. Secrets appear as <c>${VARIABLE}</c> only; their values are in the project's <c>.env</c>.</summary>
sealed class ComposeServices(TenantEnvironment environment, DataPlaneOptions options)
{
    /// <summary>Not <c>postgres</c>: the control plane's server has that name in the networks of environments that are not moved yet.</summary>
    public const string DatabaseService = "database";

    /// <summary>The egress proxies of Open WebUI, of the gateway and of downloads. Several, because Open WebUI's must not pass what the others do.</summary>
    public const string Egress = "egress", GatewayEgress = "gateway-egress", WeightsEgress = "weights-egress";

    public const string DedicatedOllama = "ollama-dedicated";

    /// <summary>The container that downloads models for a dedicated Ollama, and the profile of it and its egress proxy.</summary>
    public const string Weights = "weights";

    // The users of their images.
    const string LitellmUser = "65534:65534", RedisUser = "999:1000", DatabaseUser = "70:70", QdrantUser = "1000:1000", SquidUser = "13:13";
    const string OpenWebuiData = "/app/backend/data", LitellmSpool = "/var/spool/budget", DatabaseData = "/var/lib/postgresql/data", QdrantStorage = "/qdrant/storage", OllamaData = "/ollama/.ollama";
    const string SquidConfigPath = "/etc/squid/egress.conf";
    readonly EgressRules _webuiEgress = EgressRules.OfOpenWebui(environment, options), _gatewayEgress = EgressRules.OfGateway(environment, options);
    readonly PlanSizes _sizes = PlanSizes.For(environment.Plan.Name);

    public ComposeService OpenWebui() => ComposeService.Of(
        Images.Get("open-webui"), OpenWebuiUser(environment), _sizes.OpenWebui,
        new(["CMD", "curl", "--fail", "--silent", "--output", "/dev/null", "http://localhost:8080/ready"], StartPeriod: "300s")) with
    {
        DependsOn = WaitFor(["litellm", "redis", DatabaseService, .. options.Qdrant ? ["qdrant"] : Array.Empty<string>(), .. _webuiEgress.Any ? [Egress] : Array.Empty<string>()]),
        // Open WebUI copies its static files at each start, and its libraries write to the home folder.
        Environment = new(new OpenWebuiSettings(environment, options).All(DatabaseUrl(TenantEnvironment.WebuiSchema, "DATABASE_PASSWORD"))) { ["STATIC_DIR"] = "/tmp/static", ["HOME"] = "/tmp" },
        Tmpfs = ["/tmp:size=512m"],
        // Read by deploy/vps: environments of earlier releases use the control plane's database server.
        Labels = new(RouteLabels("open-webui", 8080)) { ["controlplane.database"] = "own" },
        Volumes = [$"open-webui:{OpenWebuiData}"],
    };

    /// <param name="configDigest">Digest of the mounted files: as a label it makes Compose recreate the container when they change.</param>
    public ComposeService Litellm(string configDigest) => ComposeService.Of(
        Images.Get("litellm"), LitellmUser, _sizes.Litellm,
        new(["CMD", "python3", "-c", "import urllib.request; urllib.request.urlopen('http://localhost:4000/health/readiness', timeout=8)"], StartPeriod: "180s")) with
    {
        Command = ["--config", "/app/config.yaml", "--port", "4000"],
        DependsOn = WaitFor(["redis", DatabaseService, .. _gatewayEgress.Any ? [GatewayEgress] : Array.Empty<string>()]),
        Environment = new LitellmSettings(environment, options).All(DatabaseUrl(TenantEnvironment.GatewaySchema, "GATEWAY_DATABASE_PASSWORD")),
        Labels = new(ApiRoute.Labels(environment, options, ComposeRendering.NetworkName(environment.Name))) { ["controlplane.config"] = configDigest },
        Volumes =
        [
            "./litellm/config.yaml:/app/config.yaml:ro", "./litellm/budget_hook.py:/app/budget_hook.py:ro",
            // Usage events are spooled here until delivered; the volume outlives the container.
            $"litellm-spool:{LitellmSpool}",
        ],
        // The only container that shares networks with Ollama and with its own egress proxy.
        Networks = [ComposeService.PrivateNetwork, ComposeService.ModelNetwork, .. _gatewayEgress.Any ? [ComposeService.GatewayNetwork] : Array.Empty<string>()],
    };

    public ComposeService Redis() => ComposeService.Of(
        Images.Get("redis"), RedisUser, _sizes.Redis, new(["CMD-SHELL", "REDISCLI_AUTH=$$REDIS_PASSWORD redis-cli ping | grep -q PONG"], StartPeriod: "10s")) with
    {
        // On standard input, because every user of the host may read the arguments of a process.
        Command =
        [
            "sh", "-c",
            $"exec redis-server --appendonly yes --maxmemory {_sizes.Redis.MemoryMiB * 3 / 4}mb --maxmemory-policy volatile-lru - <<EOF\nrequirepass $$REDIS_PASSWORD\nEOF",
        ],
        Environment = new() { ["REDIS_PASSWORD"] = "${REDIS_PASSWORD}" },
        Volumes = ["redis:/data"],
    };

    /// <param name="filesDigest">As of the gateway.</param>
    public ComposeService Database(string filesDigest) => ComposeService.Of(
        Images.Get("postgres"), DatabaseUser, _sizes.Database, new(["CMD", "pg_isready", "--quiet", "--username", "postgres"], StartPeriod: "300s")) with
    {
        Command = ["sh", "/start.sh", "-c", $"shared_buffers={_sizes.Database.MemoryMiB / 8}MB"],
        Environment = new()
        {
            ["PGDATA"] = $"{DatabaseData}/cluster",
            ["DATABASE_PASSWORD"] = "${DATABASE_PASSWORD}",
            ["GATEWAY_DATABASE_PASSWORD"] = "${GATEWAY_DATABASE_PASSWORD}",
        },
        Labels = new() { ["controlplane.config"] = filesDigest },
        // The end of one of its processes interrupts all that its clients do.
        OomScoreAdj = 300,
        // Without uid and gid, root would own it; its mode is that of the folder in the image.
        Tmpfs = ["/tmp:size=16m", "/run/postgresql:size=1m,uid=70,gid=70"],
        Volumes = ["./database/start.sh:/start.sh:ro", "./database/logins.sql:/logins.sql:ro", $"database:{DatabaseData}"],
    };

    public ComposeService Ollama(string models) => ComposeService.Of(
        Images.Get("ollama"), OllamaUser(environment, options), options.DedicatedOllama, new(["CMD", "ollama", "list"], StartPeriod: "60s")) with
    {
        Environment = new() { ["HOME"] = "/ollama", ["OLLAMA_NO_CLOUD"] = "1", ["OLLAMA_KEEP_ALIVE"] = "30m" },
        Volumes = [$"{Escape(models)}:{OllamaData}"],
        Networks = [ComposeService.ModelNetwork],
        Deploy = options.DedicatedGpus > 0 ? new(new(new([new("nvidia", options.DedicatedGpus, ["gpu"])]))) : null,
    };

    /// <summary>Downloads a model for as long as the command runs, with a server of its own that only this container reaches.</summary>
    public ComposeService Pull(string models) => ComposeService.Of(
        Images.Get("ollama"), OllamaUser(environment, options), PlanSizes.Weights, new(["CMD", "ollama", "list"], StartPeriod: "60s")) with
    {
        Profiles = [Weights],
        Restart = null,
        Entrypoint = ["sh", "/pull.sh"],
        DependsOn = WaitFor([WeightsEgress]),
        Environment = new()
        {
            ["HOME"] = "/ollama",
            ["OLLAMA_HOST"] = $"127.0.0.1:{EgressRules.OllamaPort}",
            ["OLLAMA_NO_CLOUD"] = "1",
            ["HTTPS_PROXY"] = ProxyUrl(WeightsEgress),
            ["NO_PROXY"] = "localhost,127.0.0.1",
        },
        Volumes = ["./weights/pull.sh:/pull.sh:ro", $"{Escape(models)}:{OllamaData}"],
        Networks = [ComposeService.WeightsNetwork],
    };

    public static ComposeService Qdrant() => ComposeService.Of(
        Images.Get("qdrant"), QdrantUser, PlanSizes.Qdrant,
        new(["CMD", "bash", "-c", ": > /dev/tcp/127.0.0.1/6333"], StartPeriod: "30s")) with
    {
        Environment = new()
        {
            ["QDRANT__SERVICE__API_KEY"] = "${QDRANT_API_KEY}",
            ["QDRANT__TELEMETRY_DISABLED"] = "true",
            ["QDRANT__STORAGE__SNAPSHOTS_PATH"] = $"{QdrantStorage}/snapshots",
            ["QDRANT_INIT_FILE_PATH"] = "/tmp/.qdrant-initialized",
        },
        Volumes = [$"qdrant:{QdrantStorage}"],
    };

    /// <param name="network">The network of its only client.</param>
    /// <param name="file">Its configuration in the project's folder.</param>
    /// <param name="configDigest">As of the gateway.</param>
    public ComposeService EgressProxy(string network, string file, string configDigest) => ComposeService.Of(
        Images.Get("squid"), SquidUser, PlanSizes.Egress, new(["CMD", "squid", "-k", "check", "-f", SquidConfigPath], StartPeriod: "10s")) with
    {
        // The image's own entry point writes to its file system.
        Entrypoint = ["squid"],
        Command = ["-N", "-d", "1", "-f", SquidConfigPath],
        Labels = new() { ["controlplane.config"] = configDigest },
        Tmpfs = ["/tmp:size=16m"],
        Volumes = [$"./egress/{file}:{SquidConfigPath}:ro"],
        Networks = [network, ComposeService.OutsideNetwork],
        ExtraHosts = network == ComposeService.GatewayNetwork ? HostEntry() : null,
    };

    public static string ProxyUrl(string service) => string.Create(CultureInfo.InvariantCulture, $"http://{service}:{EgressRules.ProxyPort}");

    /// <summary>The volumes, and the folder with models, whose owner has to be set: a new one belongs to root, as in the image, or to this process, and one of a former release to another user.</summary>
    public static IReadOnlyList<VolumeOwner> VolumeOwners(TenantEnvironment environment, DataPlaneOptions options) =>
    [
        new("open-webui", OpenWebuiUser(environment), OpenWebuiData), new("litellm", LitellmUser, LitellmSpool),
        .. options.Qdrant ? [new("qdrant", QdrantUser, QdrantStorage)] : Array.Empty<VolumeOwner>(),
        .. LitellmConfig.HasDedicatedOllama(environment) ? [new(DedicatedOllama, OllamaUser(environment, options), OllamaData)] : Array.Empty<VolumeOwner>(),
    ];

    /// <summary>Escapes text for a Compose file, where a dollar sign starts a variable.</summary>
    public static string Escape(string text) => text.Replace("$", "$$", StringComparison.Ordinal);

    // Its image is made for any user of group 0.
    static string OpenWebuiUser(TenantEnvironment environment) => string.Create(CultureInfo.InvariantCulture, $"{OwnUser(environment)}:0");

    // The group owns the folder, so that a project that is started by hand can write to it, too.
    static string OllamaUser(TenantEnvironment environment, DataPlaneOptions options) => string.Create(CultureInfo.InvariantCulture, $"{OwnUser(environment)}:{options.ModelsGroup}");

    // The kernel counts some things for each user of the host, in all containers, such as watches of epoll and inotify: so where a tenant's code or files may get control of
    // a process, each environment has a user of its own, from a range that systemd's list of users and groups leaves free (systemd.io/UIDS-GIDS).
    static uint OwnUser(TenantEnvironment environment)
    {
        // The last bytes of the id are random; the first ones are the time.
        var random = BinaryPrimitives.ReadUInt32BigEndian(environment.Tenant.ToByteArray(bigEndian: true).AsSpan(12)) & 0x0FFF_FFFF;
        return 0x7000_0000 + random;
    }

    static string DatabaseUrl(string login, string passwordVariable) =>
        $"postgresql://{login}:${{{passwordVariable}}}@{DatabaseService}:5432/{TenantEnvironment.DatabaseName}";

    string[]? HostEntry() =>
        options.ControlPlaneUrl.Host == DataPlaneOptions.HostFromContainer || options.OllamaUrl.Host == DataPlaneOptions.HostFromContainer
            ? [$"{DataPlaneOptions.HostFromContainer}:host-gateway"]
            : null;

    Dictionary<string, string> RouteLabels(string service, int port)
    {
        var name = $"{ComposeRendering.ProjectName(environment.Name)}-{service}";
        var labels = new Dictionary<string, string>
        {
            ["traefik.enable"] = "true",
            ["traefik.docker.network"] = ComposeRendering.NetworkName(environment.Name),
            [$"traefik.http.routers.{name}.rule"] = RouteRule(),
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

    // Open WebUI checks the permission for files in the browser only, and never an administrator's. Requests that no router takes get 404. Traefik compares paths as they are
    // sent, and Open WebUI decodes them, so that an encoded slash, letter or digit would lead past the prefixes. No client encodes those.
    string RouteRule() => environment.Plan.RagFiles == 0
        ? $"Host(`{environment.Address}`) && !PathPrefix(`/api/v1/files`) && !PathPrefix(`/api/v1/knowledge`) && !PathPrefix(`/api/v1/retrieval/process`) && !PathRegexp(`(?i)%(2[def]|3[0-9]|[46][1-9a-f]|[57][0-9a]|5f|7e)`)"
        : $"Host(`{environment.Address}`)";

    static Dictionary<string, DependsOn> WaitFor(IEnumerable<string> services) => services.ToDictionary(name => name, _ => new DependsOn());
}
