namespace ControlPlane.Provisioning;

/// <summary>The step <c>storage</c>: a place for the tenant's own model weights. Every call may be repeated, late, or follow a crash.</summary>
/// <exception cref="StepFailedException">The call failed; the message is for the operator.</exception>
public interface IModelStorage
{
    /// <returns>Its location, as the data plane mounts it.</returns>
    Task<string> CreateAsync(TenantEnvironment environment, CancellationToken ct);

    Task<string> RemoveAsync(TenantEnvironment environment, CancellationToken ct);
}
