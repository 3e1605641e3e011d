namespace ControlPlane.Provisioning;

/// <summary>The step <c>storage</c>: where the tenant's own model weights are kept. Every call may be repeated, late, or come after a crash.</summary>
/// <exception cref="StepFailedException">It could not be done; the message is for the operator.</exception>
public interface IModelStorage
{
    /// <returns>Where it is, as the data plane mounts it.</returns>
    Task<string> MakeAsync(TenantEnvironment environment, CancellationToken ct);

    Task<string> RemoveAsync(TenantEnvironment environment, CancellationToken ct);
}
