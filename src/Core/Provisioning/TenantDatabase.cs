namespace ControlPlane.Provisioning;

/// <summary>
/// The step <c>database</c>: starts the environment's own database server, with a schema and a login for Open WebUI and another for the gateway, so that nothing
/// that they do there concerns anyone else (docs/decisions/0035). An earlier release kept the data on the control plane's server: it is moved.
/// </summary>
public sealed class TenantDatabase(IDataPlane dataPlane, ISecretStore secrets, FormerDatabases former)
{
    /// <exception cref="StepFailedException">The server did not start, or the data could not be moved.</exception>
    public async Task<string> CreateAsync(TenantEnvironment environment, Lease lease, CancellationToken ct)
    {
        var server = await dataPlane.StartDatabaseAsync(environment, await secrets.ReadAsync(environment.Tenant, ct), ct);
        return $"{server}{await former.MoveAsync(environment, lease, ct)}";
    }

    /// <summary>The server itself is removed with the workloads.</summary>
    public async Task<string> RemoveAsync(TenantEnvironment environment, Lease lease, CancellationToken ct) =>
        await former.DropAsync(environment.Tenant, ct) ? "removed with the workloads; former copy dropped" : "removed with the workloads";
}
