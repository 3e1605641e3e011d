namespace ControlPlane.DataPlane;

/// <summary>The data plane on a host without a container engine: environments are written to disk but not started.</summary>
public sealed class RenderOnly(ProjectFolder folder) : IDataPlane
{
    const string NotStarted = "rendered only: no container engine on this host";

    public string Ready => IDataPlane.Rendered;

    public Task<int?> ReadCapacityAsync(CancellationToken ct) => Task.FromResult<int?>(null);

    public Task<long?> MeasureStorageAsync(string name, Interruption interruption, CancellationToken ct) => Task.FromResult<long?>(null);

    public IAsyncEnumerable<DiskSpace> ReadDisksAsync(CancellationToken ct) => AsyncEnumerable.Empty<DiskSpace>();

    public async Task<string> StartDatabaseAsync(TenantEnvironment environment, IReadOnlyDictionary<string, string> secrets, CancellationToken ct)
    {
        await folder.WriteAsync(environment, secrets, engineCpus: null, ct);
        return NotStarted;
    }

    public Task<string> RunBesideDatabaseAsync(
        TenantEnvironment environment, IReadOnlyList<string> command, PipeSource input, TimeSpan timeout, CancellationToken ct) => Task.FromResult(NotStarted);

    public async Task<string> IsolateAsync(TenantEnvironment environment, IReadOnlyDictionary<string, string> secrets, CancellationToken ct)
    {
        await folder.WriteAsync(environment, secrets, engineCpus: null, ct);
        return $"environments/{environment.Name}";
    }

    public Task<string> StartAsync(TenantEnvironment environment, CancellationToken ct) => Task.FromResult(NotStarted);

    public Task<string> RouteAsync(TenantEnvironment environment, CancellationToken ct) => Task.FromResult(NotStarted);

    public Task<string> AwaitHealthAsync(TenantEnvironment environment, CancellationToken ct) => Task.FromResult("ready (rendered)");

    public Task<string> StopAsync(TenantEnvironment environment, CancellationToken ct) => Task.FromResult(NotStarted);

    public Task<string> RestartAsync(TenantEnvironment environment, CancellationToken ct) => Task.FromResult(NotStarted);

    public Task<string> RemoveRouteAsync(TenantEnvironment environment, CancellationToken ct) => Task.FromResult(NotStarted);

    public Task<string> BackUpAsync(TenantEnvironment environment, CancellationToken ct) => Task.FromResult(NotStarted);

    public Task RemoveBackupAsync(Guid tenant, CancellationToken ct) => Task.CompletedTask;

    public Task<string> RemoveWorkloadsAsync(TenantEnvironment environment, CancellationToken ct) => Task.FromResult(NotStarted);

    public Task<string> RemoveIsolationAsync(TenantEnvironment environment, CancellationToken ct)
    {
        folder.Remove(environment.Name);
        return Task.FromResult("files removed");
    }

    public Task<PullResult> PullModelAsync(TenantEnvironment environment, string source, long? maximumBytes, Action<int> onProgress, CancellationToken ct) =>
        Task.FromException<PullResult>(new StepFailedException(NotStarted));

    public Task RemoveModelAsync(TenantEnvironment environment, string source, CancellationToken ct) => Task.CompletedTask;
}
