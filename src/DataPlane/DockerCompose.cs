using System.Globalization;

namespace ControlPlane.DataPlane;

/// <summary>The data plane on one Docker engine: a Compose project and a private network for each tenant.</summary>
public sealed class DockerCompose(ProjectFolder folder, DataPlaneOptions options) : IDataPlane
{
    static readonly TimeSpan _short = TimeSpan.FromMinutes(2);

    public string Ready => "running";

    public async Task<string> IsolateAsync(TenantEnvironment environment, IReadOnlyDictionary<string, string> secrets, CancellationToken ct)
    {
        await folder.WriteAsync(environment, secrets, ct);
        var network = ComposeRendering.NetworkOf(environment.Slug);
        if (!await NetworkExistsAsync(network, ct))
        {
            await RunAsync(environment, ["network", "create", "--label", $"controlplane.tenant={environment.Tenant}", network], ct);
        }

        var missing = new List<string>();
        foreach (var container in options.SharedContainers)
        {
            if (!await ConnectAsync(environment, container, ct))
            {
                missing.Add(container);
            }
        }

        return $"network {network}{Note("no container", missing)}{Note("no API key for", folder.ProvidersWithoutKey(environment))}";
    }

    public async Task<string> StartAsync(TenantEnvironment environment, CancellationToken ct)
    {
        await UpAsync(environment, [], ct);
        return "containers healthy";
    }

    public async Task<string> RouteAsync(TenantEnvironment environment, CancellationToken ct) =>
        await ConnectAsync(environment, options.ProxyContainer, ct)
            ? $"{environment.Address} through {options.ProxyContainer}"
            : throw new StepFailedException($"There is no container {options.ProxyContainer} to route requests: start the proxy, or name it in CONTROLPLANE_PROXY_CONTAINER.");

    public async Task<string> AwaitHealthAsync(TenantEnvironment environment, CancellationToken ct)
    {
        await ComposeAsync(
            environment, ["exec", "--no-TTY", "open-webui", "curl", "--fail", "--silent", "--show-error", "--max-time", "20", "http://localhost:8080/ready"], _short, ct);
        return "ready";
    }

    public async Task<string> StopAsync(TenantEnvironment environment, CancellationToken ct)
    {
        await ComposeAsync(environment, ["stop"], _short, ct);
        return "containers stopped";
    }

    public async Task<string> RestartAsync(TenantEnvironment environment, CancellationToken ct)
    {
        await UpAsync(environment, ["--force-recreate"], ct);
        return "containers started anew";
    }

    public async Task<string> RemoveRouteAsync(TenantEnvironment environment, CancellationToken ct)
    {
        await DisconnectAsync(environment, [options.ProxyContainer], ct);
        return "proxy disconnected";
    }

    public async Task<string> RemoveWorkloadsAsync(TenantEnvironment environment, CancellationToken ct)
    {
        await ComposeAsync(environment, ["down", "--volumes", "--remove-orphans"], _short, ct);
        return "containers and volumes removed";
    }

    public async Task<string> RemoveIsolationAsync(TenantEnvironment environment, CancellationToken ct)
    {
        var network = ComposeRendering.NetworkOf(environment.Slug);
        if (await NetworkExistsAsync(network, ct))
        {
            await DisconnectAsync(environment, options.SharedContainers, ct);
            await RunAsync(environment, ["network", "rm", network], ct);
        }

        folder.Remove(environment.Slug);
        return "network and files removed";
    }

    async Task UpAsync(TenantEnvironment environment, string[] more, CancellationToken ct)
    {
        var seconds = options.StartTimeout.TotalSeconds.ToString("0", CultureInfo.InvariantCulture);
        await ComposeAsync(
            environment, ["up", "--detach", "--wait", "--wait-timeout", seconds, "--remove-orphans", .. more], options.StartTimeout + _short, ct);
        // The gateway is healthy now, so that it can be given the key Open WebUI has.
        await ComposeAsync(environment, ["exec", "--no-TTY", "litellm", "python3", "-"], _short, ct, Asset.Text("make_key.py"));
    }

    /// <returns>False when there is no such container.</returns>
    async Task<bool> ConnectAsync(TenantEnvironment environment, string container, CancellationToken ct)
    {
        var network = ComposeRendering.NetworkOf(environment.Slug);
        if ((await DockerCommand.RunAsync(["container", "inspect", "--format", "{{.Name}}", container], _short, ct)).ExitCode != 0)
        {
            return false;
        }

        if (!(await ConnectedAsync(environment, network, ct)).Contains(container))
        {
            await RunAsync(environment, ["network", "connect", network, container], ct);
        }

        return true;
    }

    async Task DisconnectAsync(TenantEnvironment environment, IEnumerable<string> containers, CancellationToken ct)
    {
        var network = ComposeRendering.NetworkOf(environment.Slug);
        if (!await NetworkExistsAsync(network, ct))
        {
            return;
        }

        foreach (var container in (await ConnectedAsync(environment, network, ct)).Intersect(containers))
        {
            await RunAsync(environment, ["network", "disconnect", "--force", network, container], ct);
        }
    }

    async Task<string[]> ConnectedAsync(TenantEnvironment environment, string network, CancellationToken ct) =>
        (await RunAsync(environment, ["network", "inspect", "--format", "{{range .Containers}}{{.Name}} {{end}}", network], ct))
        .Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    static async Task<bool> NetworkExistsAsync(string network, CancellationToken ct) =>
        (await DockerCommand.RunAsync(["network", "inspect", "--format", "{{.Name}}", network], _short, ct)).ExitCode == 0;

    Task<string> RunAsync(TenantEnvironment environment, string[] arguments, CancellationToken ct) => RunAsync(environment, arguments, _short, null, ct);

    Task<string> ComposeAsync(TenantEnvironment environment, string[] arguments, TimeSpan limit, CancellationToken ct, string? input = null)
    {
        // Without its files, after a deletion that was cut short, Compose still finds a project by its name.
        var slug = environment.Slug;
        string[] files = File.Exists(folder.ComposeFileOf(slug)) ? ["--file", folder.ComposeFileOf(slug), "--env-file", folder.VariablesOf(slug)] : [];
        return RunAsync(environment, ["compose", "--project-name", ComposeRendering.ProjectOf(slug), .. files, .. arguments], limit, input, ct);
    }

    async Task<string> RunAsync(TenantEnvironment environment, string[] arguments, TimeSpan limit, string? input, CancellationToken ct)
    {
        var result = await DockerCommand.RunAsync(arguments, limit, ct, input);
        return result.ExitCode == 0
            ? result.Output
            : throw new StepFailedException($"docker exited with {result.ExitCode}: {folder.WithoutSecrets(environment.Slug, result.Output)}");
    }

    static string Note(string what, IReadOnlyList<string> names) => names.Count == 0 ? "" : $"; {what} {string.Join(", ", names)}";
}
