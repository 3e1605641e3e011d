using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using CliWrap;

namespace ControlPlane.Tests.Support;

/// <summary>A data plane whose environments run as soon as they are started.</summary>
sealed class FakeDataPlane : IDataPlane
{
    public string Ready => "running";

    /// <summary>What its machines carry.</summary>
    public int? Capacity { get; init; }

    /// <summary>What each environment stores, in bytes, by its name.</summary>
    public ConcurrentDictionary<string, long> Stored { get; } = new();

    /// <summary>The slugs of environments that were stopped.</summary>
    public ConcurrentBag<string> Stopped { get; } = [];

    /// <summary>In place of a name.</summary>
    public const string All = "*";

    /// <summary>The name of an environment that cannot be measured, or <see cref="All"/>.</summary>
    public string? Unmeasurable { get; set; }

    public IReadOnlyList<DiskSpace> Disks { get; set; } = [];

    /// <summary>Whether reading one more disk fails.</summary>
    public bool HasUnreadableDisk { get; set; }

    /// <summary>Their database servers; null: they have none.</summary>
    public EnvironmentServers? Servers { get; init; }

    /// <summary>Awaited before an environment runs.</summary>
    public Func<TenantEnvironment, CancellationToken, Task> Start { get; init; } = (_, _) => Task.CompletedTask;

    /// <summary>What it prints when an environment has started.</summary>
    public string Printed { get; init; } = "started";

    /// <summary>What a download does; otherwise it succeeds at once.</summary>
    public Func<string, Action<int>, CancellationToken, Task<PullResult>> Pull { get; set; } = (_, _, _) => Task.FromResult<PullResult>(new PullResult.Present(4_000_000_000, "abc"));

    /// <summary>Models that were downloaded or removed, in order: <c>+qwen3:8b</c>, <c>-qwen3:8b</c>.</summary>
    public ConcurrentQueue<string> Models { get; } = [];

    /// <summary>The models that the gateway offered when it was started last.</summary>
    public IReadOnlyList<string> Offered { get; private set; } = [];

    public Task<PullResult> PullModelAsync(TenantEnvironment environment, string source, long? maximumBytes, Action<int> onProgress, CancellationToken ct)
    {
        Models.Enqueue($"+{source}");
        return Pull(source, onProgress, ct);
    }

    public Task RemoveModelAsync(TenantEnvironment environment, string source, CancellationToken ct)
    {
        Models.Enqueue($"-{source}");
        return Task.CompletedTask;
    }

    public Task<int?> ReadCapacityAsync(CancellationToken ct) => Task.FromResult(Capacity);

    /// <summary>What measurements did to environments meanwhile.</summary>
    public ConcurrentQueue<Interruption> Interruptions { get; } = [];

    public Task<long?> MeasureStorageAsync(string name, Interruption interruption, CancellationToken ct)
    {
        Interruptions.Enqueue(interruption);
        return Unmeasurable == All || name == Unmeasurable
            ? Task.FromException<long?>(new StepFailedException("permission denied"))
            : Task.FromResult(Stored.TryGetValue(name, out var bytes) ? bytes : (long?)null);
    }

    public async IAsyncEnumerable<DiskSpace> ReadDisksAsync([EnumeratorCancellation] CancellationToken ct)
    {
        await Task.CompletedTask;
        foreach (var disk in Disks)
        {
            yield return disk;
        }

        if (HasUnreadableDisk)
        {
            throw new StepFailedException("no space left on device");
        }
    }

    public async Task<string> StartAsync(TenantEnvironment environment, CancellationToken ct)
    {
        await Start(environment, ct);
        Offered = [.. environment.Models.Select(model => model.Name)];
        return Printed;
    }

    public Task<string> StartDatabaseAsync(TenantEnvironment environment, IReadOnlyDictionary<string, string> secrets, CancellationToken ct) =>
        Servers?.StartAsync(environment.Tenant, secrets) ?? Done();

    public Task<string> RunBesideDatabaseAsync(
        TenantEnvironment environment, IReadOnlyList<string> command, PipeSource input, TimeSpan timeout, CancellationToken ct) =>
        Servers?.Of(environment.Tenant).RunAsync(command, input, ct) ?? Done();

    public Task<string> IsolateAsync(TenantEnvironment environment, IReadOnlyDictionary<string, string> secrets, CancellationToken ct) => Done();

    public Task<string> RouteAsync(TenantEnvironment environment, CancellationToken ct) => Done();

    public Task<string> AwaitHealthAsync(TenantEnvironment environment, CancellationToken ct) => Done();

    public Task<string> StopAsync(TenantEnvironment environment, CancellationToken ct)
    {
        Stopped.Add(environment.Slug);
        return Done();
    }

    public Task<string> RestartAsync(TenantEnvironment environment, CancellationToken ct) => Done();

    public Task<string> RemoveRouteAsync(TenantEnvironment environment, CancellationToken ct) => Done();

    /// <summary>Why the last copy cannot be made; null: it can.</summary>
    public string? BackupFailure { get; set; }

    /// <summary>Tenants of whose environments there is a last copy.</summary>
    public ConcurrentDictionary<Guid, bool> Backups { get; } = new();

    /// <summary>Tenants whose workloads were removed with their data.</summary>
    public ConcurrentBag<Guid> Removed { get; } = [];

    public Task<string> BackUpAsync(TenantEnvironment environment, CancellationToken ct)
    {
        if (BackupFailure is { } reason)
        {
            return Task.FromException<string>(new StepFailedException(reason));
        }

        Backups[environment.Tenant] = true;
        return Done();
    }

    public Task RemoveBackupAsync(Guid tenant, CancellationToken ct)
    {
        Backups.TryRemove(tenant, out _);
        return Task.CompletedTask;
    }

    public Task<string> RemoveWorkloadsAsync(TenantEnvironment environment, CancellationToken ct)
    {
        Removed.Add(environment.Tenant);
        return Done();
    }

    public Task<string> RemoveIsolationAsync(TenantEnvironment environment, CancellationToken ct) => Done();

    static Task<string> Done() => Task.FromResult("done");
}
