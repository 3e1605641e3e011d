using CliWrap;

namespace ControlPlane.Lambda.Work;

/// <summary>Used when no data plane is configured: runs fail with the reason and can be retried.</summary>
sealed class UnsupportedDataPlane : IDataPlane
{
    public string Ready => "nowhere";

    public Task<int?> ReadCapacityAsync(CancellationToken ct) => Task.FromResult<int?>(null);

    public Task<long?> MeasureStorageAsync(string name, Interruption interruption, CancellationToken ct) => Task.FromResult<long?>(null);

    public IAsyncEnumerable<DiskSpace> ReadDisksAsync(CancellationToken ct) => AsyncEnumerable.Empty<DiskSpace>();

    public Task<string> StartDatabaseAsync(TenantEnvironment environment, IReadOnlyDictionary<string, string> secrets, CancellationToken ct) => Fail();

    public Task<string> RunBesideDatabaseAsync(
        TenantEnvironment environment, IReadOnlyList<string> command, PipeSource input, TimeSpan timeout, CancellationToken ct) => Fail();

    public Task<string> IsolateAsync(TenantEnvironment environment, IReadOnlyDictionary<string, string> secrets, CancellationToken ct) => Fail();

    public Task<string> StartAsync(TenantEnvironment environment, CancellationToken ct) => Fail();

    public Task<string> RouteAsync(TenantEnvironment environment, CancellationToken ct) => Fail();

    public Task<string> AwaitHealthAsync(TenantEnvironment environment, CancellationToken ct) => Fail();

    public Task<string> StopAsync(TenantEnvironment environment, CancellationToken ct) => Fail();

    public Task<string> RestartAsync(TenantEnvironment environment, CancellationToken ct) => Fail();

    public Task<string> RemoveRouteAsync(TenantEnvironment environment, CancellationToken ct) => Fail();

    public Task<string> BackUpAsync(TenantEnvironment environment, CancellationToken ct) => Fail();

    // There are none.
    public Task RemoveBackupAsync(Guid tenant, CancellationToken ct) => Task.CompletedTask;

    public Task<string> RemoveWorkloadsAsync(TenantEnvironment environment, CancellationToken ct) => Fail();

    public Task<string> RemoveIsolationAsync(TenantEnvironment environment, CancellationToken ct) => Fail();

    public async Task<PullResult> PullModelAsync(TenantEnvironment environment, string source, long? maximumBytes, Action<int> onProgress, CancellationToken ct)
    {
        await Fail();
        return new PullResult.NotFound();
    }

    public Task RemoveModelAsync(TenantEnvironment environment, string source, CancellationToken ct) => Fail();

    static Task<string> Fail() => Task.FromException<string>(
        new StepFailedException("This release has no data plane for AWS yet, so the environment cannot run on the cluster."));
}
