using System.Globalization;
using System.Runtime.CompilerServices;

namespace ControlPlane.DataPlane.Compose;

/// <summary>The data plane on one Docker engine: a Compose project and private networks for each tenant.</summary>
public sealed class DockerCompose(ProjectFolder folder, DataPlaneOptions options) : IDataPlane
{
    static readonly TimeSpan CommandTimeout = TimeSpan.FromMinutes(2);
    static readonly TimeSpan InfoTimeout = TimeSpan.FromSeconds(10);

    /// <summary>Memory that the platform itself uses, with a model of 7 billion parameters.</summary>
    const long PlatformMemory = 8L << 30;

    /// <summary>Memory that the containers of a busy environment use. Their limits are higher (<see cref="PlanSizes"/>), but are seldom reached at once.</summary>
    const long EnvironmentMemory = 13L << 27;

    readonly DockerNetworks _networks = new(options);
    readonly DockerModels _models = new(folder, options);
    readonly DockerBackup _backup = new(folder, options);

    public string Ready => "running";

    public async Task<int?> ReadCapacityAsync(CancellationToken ct)
    {
        try
        {
            var result = await DockerCommand.RunAsync(["info", "--format", "{{.MemTotal}}"], InfoTimeout, ct);
            return result.ExitCode == 0 && long.TryParse(result.Output, NumberStyles.None, CultureInfo.InvariantCulture, out var memory)
                ? (int)Math.Max(1, (memory - PlatformMemory) / EnvironmentMemory)
                : null;
        }
        catch (StepFailedException)
        {
            // The engine does not answer. The environment's own steps report why.
            return null;
        }
    }

    public async Task<long?> MeasureStorageAsync(string name, Interruption interruption, CancellationToken ct) =>
        await DockerVolumes.MeasureAsync(ComposeRendering.ProjectName(name), interruption, ct);

    public async IAsyncEnumerable<DiskSpace> ReadDisksAsync([EnumeratorCancellation] CancellationToken ct)
    {
        var drive = new DriveInfo(folder.DataDirectory);
        yield return new DiskSpace(DiskSpace.OwnDisk, drive.AvailableFreeSpace, drive.TotalSize);
        yield return await DockerVolumes.ReadDiskAsync(ct);
    }

    public async Task<string> StartDatabaseAsync(TenantEnvironment environment, IReadOnlyDictionary<string, string> secrets, CancellationToken ct)
    {
        await WriteAsync(environment, secrets, ct);
        await _networks.CreateAsync(environment, ct);
        await ComposeAsync(environment, ["pull", "--quiet", "--policy", "missing", ComposeServices.DatabaseService], options.PullTimeout, ct);
        await ComposeUpAsync(environment, [ComposeServices.DatabaseService], ct);
        return "server of its own";
    }

    public Task<string> RunBesideDatabaseAsync(
        TenantEnvironment environment, IReadOnlyList<string> command, PipeSource input, TimeSpan timeout, CancellationToken ct) =>
        ComposeAsync(environment, ["exec", "--no-TTY", ComposeServices.DatabaseService, .. command], timeout, ct, input);

    public async Task<string> IsolateAsync(TenantEnvironment environment, IReadOnlyDictionary<string, string> secrets, CancellationToken ct)
    {
        await WriteAsync(environment, secrets, ct);
        await _networks.CreateAsync(environment, ct);
        var missing = await _networks.ConnectSharedAsync(environment, ct);
        return $"network {ComposeRendering.NetworkName(environment.Name)}{Warning("no container", missing)}{Warning("no API key for", folder.ProvidersWithoutKey(environment))}";
    }

    public async Task<string> StartAsync(TenantEnvironment environment, CancellationToken ct)
    {
        await UpAsync(environment, [], ct);
        return "containers healthy";
    }

    public async Task<string> RouteAsync(TenantEnvironment environment, CancellationToken ct) =>
        await DockerNetworks.ConnectAsync(ComposeRendering.NetworkName(environment.Name), options.ProxyContainer, ct)
            ? $"{environment.Address} through {options.ProxyContainer}"
            : throw new StepFailedException($"The proxy container {options.ProxyContainer} does not exist: start it, or set CONTROLPLANE_PROXY_CONTAINER to its name.");

    public async Task<string> AwaitHealthAsync(TenantEnvironment environment, CancellationToken ct)
    {
        await ComposeAsync(
            environment, ["exec", "--no-TTY", "open-webui", "curl", "--fail", "--silent", "--show-error", "--max-time", "20", "http://localhost:8080/ready"], CommandTimeout, ct);
        return "ready";
    }

    public async Task<string> StopAsync(TenantEnvironment environment, CancellationToken ct)
    {
        await ComposeAsync(environment, ["--profile", ComposeServices.Weights, "stop"], CommandTimeout, ct);
        return "containers stopped";
    }

    public async Task<string> RestartAsync(TenantEnvironment environment, CancellationToken ct)
    {
        await UpAsync(environment, ["--force-recreate"], ct);
        return "containers recreated";
    }

    public async Task<string> RemoveRouteAsync(TenantEnvironment environment, CancellationToken ct)
    {
        await DockerNetworks.DisconnectAsync(ComposeRendering.NetworkName(environment.Name), [options.ProxyContainer], ct);
        return "proxy disconnected";
    }

    public async Task<string> BackUpAsync(TenantEnvironment environment, CancellationToken ct)
    {
        if (_backup.IsComplete(environment.Tenant))
        {
            return "copied before";
        }

        if (await DockerVolumes.FindAsync(ComposeRendering.ProjectName(environment.Name), ct) is [])
        {
            return "there is nothing to copy";
        }

        // Nothing may write meanwhile. A suspended environment's database server does not run.
        await StopAsync(environment, ct);
        await ComposeUpAsync(environment, [ComposeServices.DatabaseService], ct);
        return await _backup.RunAsync(environment, ct);
    }

    public Task RemoveBackupAsync(Guid tenant, CancellationToken ct)
    {
        _backup.Remove(tenant);
        return Task.CompletedTask;
    }

    public async Task<string> RemoveWorkloadsAsync(TenantEnvironment environment, CancellationToken ct)
    {
        var image = await DockerVolumes.FindImageAsync(ComposeRendering.ProjectName(environment.Name), ct);
        await ComposeAsync(environment, ["--profile", ComposeServices.Weights, "down", "--volumes", "--remove-orphans"], CommandTimeout, ct);
        await _models.RemoveAllAsync(environment, image, ct);
        return "containers, volumes and models removed";
    }

    public async Task<string> RemoveIsolationAsync(TenantEnvironment environment, CancellationToken ct)
    {
        await _networks.RemoveAsync(environment, ct);
        folder.Remove(environment.Name);
        return "networks and files removed";
    }

    public Task<PullResult> PullModelAsync(TenantEnvironment environment, string source, long? maximumBytes, Action<int> onProgress, CancellationToken ct) =>
        _models.PullAsync(environment, source, maximumBytes, onProgress, ct);

    public Task RemoveModelAsync(TenantEnvironment environment, string source, CancellationToken ct) => _models.RemoveAsync(environment, source, ct);

    async Task WriteAsync(TenantEnvironment environment, IReadOnlyDictionary<string, string> secrets, CancellationToken ct)
    {
        var cpus = await RunAsync(environment.Name, ["info", "--format", "{{.NCPU}}"], CommandTimeout, input: null, ct);
        await folder.WriteAsync(environment, secrets, int.TryParse(cpus, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 ? number : null, ct);
    }

    async Task UpAsync(TenantEnvironment environment, string[] extraOptions, CancellationToken ct)
    {
        await ComposeAsync(environment, ["pull", "--quiet", "--policy", "missing"], options.PullTimeout, ct);
        await OwnVolumesAsync(environment, ct);
        await ComposeUpAsync(environment, ["--remove-orphans", .. extraOptions], ct);
        await _networks.LeaveFormerAsync(environment, ct);
        // Needs a healthy gateway: registers the virtual key that Open WebUI uses, and restricts it to what is sold.
        await ComposeAsync(environment, ["exec", "--no-TTY", "litellm", "python3", "-"], CommandTimeout, ct, PipeSource.FromString(EmbeddedFile.Read("create_virtual_key.py")));
    }

    Task<string> ComposeUpAsync(TenantEnvironment environment, string[] arguments, CancellationToken ct)
    {
        var seconds = options.StartTimeout.TotalSeconds.ToString("0", CultureInfo.InvariantCulture);
        return ComposeAsync(environment, ["up", "--detach", "--wait", "--wait-timeout", seconds, .. arguments], options.StartTimeout + CommandTimeout, ct);
    }

    // The root of the volume last: if it has its owner, all files do, and there may be millions.
    const string OwnVolume = """[ "$(stat -c %u:%g "$2")" = "$1" ] || { find "$2" -mindepth 1 -exec chown -h "$1" {} + && chown "$1" "$2"; }""";

    // In containers of their own with the capabilities that chown needs: the services have none.
    async Task OwnVolumesAsync(TenantEnvironment environment, CancellationToken ct)
    {
        foreach (var (service, user, path) in ComposeServices.VolumeOwners(environment, options))
        {
            await ComposeAsync(
                environment,
                ["run", "--rm", "--no-deps", "--no-TTY", "--user", "0:0", "--cap-add", "CHOWN", "--cap-add", "DAC_READ_SEARCH", "--entrypoint", "sh", service, "-c", OwnVolume, "sh", user, path],
                options.StartTimeout, ct);
        }
    }

    Task<string> ComposeAsync(TenantEnvironment environment, string[] arguments, TimeSpan timeout, CancellationToken ct, PipeSource? input = null)
    {
        var name = environment.Name;
        return RunAsync(name, [.. folder.ComposeCommand(name), .. arguments], timeout, input, ct);
    }

    async Task<string> RunAsync(string name, string[] arguments, TimeSpan timeout, PipeSource? input, CancellationToken ct)
    {
        var result = await DockerCommand.RunAsync(arguments, timeout, ct, input);
        return result.ExitCode == 0
            ? result.Output
            : throw new StepFailedException($"docker exited with {result.ExitCode}: {folder.RedactSecrets(name, result.Output)}");
    }

    static string Warning(string text, IReadOnlyList<string> names) => names.Count == 0 ? "" : $"; {text} {string.Join(", ", names)}";
}
