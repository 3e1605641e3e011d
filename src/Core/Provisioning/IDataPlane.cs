namespace ControlPlane.Provisioning;

/// <summary>
/// Where environments run. Every call may be repeated, late, or come after a crash in the middle of the same call, and says in a few
/// words what is there now.
/// </summary>
/// <exception cref="StepFailedException">It could not be done; the message is for the operator.</exception>
public interface IDataPlane
{
    /// <summary>What a ready environment is here: <c>running</c>, or <c>rendered</c> where nothing can run it.</summary>
    string Ready { get; }

    /// <summary>Lays out the environment's definition and the private place it runs in.</summary>
    Task<string> IsolateAsync(TenantEnvironment environment, IReadOnlyDictionary<string, string> secrets, CancellationToken ct);

    Task<string> StartAsync(TenantEnvironment environment, CancellationToken ct);

    Task<string> RouteAsync(TenantEnvironment environment, CancellationToken ct);

    /// <summary>Waits until users can be let in.</summary>
    Task<string> AwaitHealthAsync(TenantEnvironment environment, CancellationToken ct);

    /// <summary>Scales to nothing and keeps all data.</summary>
    Task<string> StopAsync(TenantEnvironment environment, CancellationToken ct);

    Task<string> RestartAsync(TenantEnvironment environment, CancellationToken ct);

    Task<string> RemoveRouteAsync(TenantEnvironment environment, CancellationToken ct);

    /// <summary>Removes the workloads with their data.</summary>
    Task<string> RemoveWorkloadsAsync(TenantEnvironment environment, CancellationToken ct);

    Task<string> RemoveIsolationAsync(TenantEnvironment environment, CancellationToken ct);
}

/// <summary>A step could not be done for a reason an operator can act on. Holds no secret.</summary>
public sealed class StepFailedException(string reason, Exception? cause = null) : Exception(reason, cause);
