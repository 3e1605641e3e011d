using CliWrap;

namespace ControlPlane.Provisioning;

/// <summary>
/// Runs environments. Every call may be repeated, late, or follow a crash in the middle of the same call, and returns a short description of
/// the result.
/// </summary>
/// <exception cref="StepFailedException">The call failed; the message is for the operator.</exception>
public interface IDataPlane
{
    const string Rendered = "rendered";

    /// <summary>What ready means here: <c>running</c>, or <see cref="Rendered"/> where no container engine is present.</summary>
    string Ready { get; }

    /// <summary>How many environments its machines carry; null: it adds machines as needed, or does not know.</summary>
    Task<int?> ReadCapacityAsync(CancellationToken ct);

    /// <summary>What the environment's volumes take up on disk, in bytes; null: it limits them by itself, or has none.</summary>
    /// <param name="name">Of the environment.</param>
    Task<long?> MeasureStorageAsync(string name, Interruption interruption, CancellationToken ct);

    /// <summary>The disks of this installation that environments and the control plane fill; none where others look after them.</summary>
    /// <exception cref="StepFailedException">The next one cannot be read.</exception>
    IAsyncEnumerable<DiskSpace> ReadDisksAsync(CancellationToken ct);

    /// <summary>Starts the environment's own database server with its logins and schemas, and nothing else that is not needed for that.</summary>
    Task<string> StartDatabaseAsync(TenantEnvironment environment, IReadOnlyDictionary<string, string> secrets, CancellationToken ct);

    /// <summary>Runs a program of PostgreSQL beside that server. It may connect as any login through the default socket, without a password.</summary>
    Task<string> RunBesideDatabaseAsync(
        TenantEnvironment environment, IReadOnlyList<string> command, PipeSource input, TimeSpan timeout, CancellationToken ct);

    /// <summary>Creates the environment's definition and its isolation, such as a private network.</summary>
    Task<string> IsolateAsync(TenantEnvironment environment, IReadOnlyDictionary<string, string> secrets, CancellationToken ct);

    Task<string> StartAsync(TenantEnvironment environment, CancellationToken ct);

    Task<string> RouteAsync(TenantEnvironment environment, CancellationToken ct);

    /// <summary>Waits until users can sign in.</summary>
    Task<string> AwaitHealthAsync(TenantEnvironment environment, CancellationToken ct);

    /// <summary>Scales to zero and keeps all data.</summary>
    Task<string> StopAsync(TenantEnvironment environment, CancellationToken ct);

    Task<string> RestartAsync(TenantEnvironment environment, CancellationToken ct);

    Task<string> RemoveRouteAsync(TenantEnvironment environment, CancellationToken ct);

    /// <summary>
    /// The last copy of an environment that is deleted: stops what writes to it, then copies its database and files to a place that outlives it. One that is complete is kept, because
    /// a deletion that is repeated has nothing left to copy.
    /// </summary>
    Task<string> BackUpAsync(TenantEnvironment environment, CancellationToken ct);

    /// <summary>Deletes the last copy of a deleted environment, if there is one.</summary>
    Task RemoveBackupAsync(Guid tenant, CancellationToken ct);

    /// <summary>Removes the workloads and their data.</summary>
    Task<string> RemoveWorkloadsAsync(TenantEnvironment environment, CancellationToken ct);

    Task<string> RemoveIsolationAsync(TenantEnvironment environment, CancellationToken ct);

    /// <summary>Downloads a model to the environment's dedicated Ollama, unless it is there.</summary>
    /// <param name="source">As in <see cref="ModelSource"/>.</param>
    /// <param name="maximumBytes">What it may take up; null: as much as the disk has beyond its reserve.</param>
    /// <param name="onProgress">Called with the percentage of the file that is being downloaded.</param>
    Task<PullResult> PullModelAsync(TenantEnvironment environment, string source, long? maximumBytes, Action<int> onProgress, CancellationToken ct);

    /// <summary>Removes a model from the environment's dedicated Ollama, if it is there.</summary>
    Task RemoveModelAsync(TenantEnvironment environment, string source, CancellationToken ct);
}

public abstract record PullResult
{
    /// <param name="Bytes">Rounded.</param>
    /// <param name="Digest">The first digits.</param>
    public sealed record Present(long Bytes, string Digest) : PullResult;
    /// <summary>No such model, or one that Ollama cannot use or that is not public.</summary>
    public sealed record NotFound : PullResult;
    public sealed record TooLarge : PullResult;
    public sealed record DiskFull : PullResult;
}

/// <summary>A step failed for a reason that an operator can act on. The message contains no secret.</summary>
public sealed class StepFailedException(string reason, Exception? cause = null) : Exception(reason, cause);
