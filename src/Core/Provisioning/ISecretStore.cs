namespace ControlPlane.Provisioning;

/// <summary>
/// Stores the secrets of environments: per tenant one set of names and values, called <c>tenant-{tenant_id}-secrets</c>
/// where the store uses names.
/// </summary>
public interface ISecretStore
{
    /// <returns>Empty when the tenant has none.</returns>
    Task<IReadOnlyDictionary<string, string>> ReadAsync(Guid tenant, CancellationToken ct);

    /// <summary>Adds the secrets whose names do not exist yet; existing values stay unchanged.</summary>
    Task AddAsync(Guid tenant, IReadOnlyDictionary<string, string> secrets, CancellationToken ct);

    /// <summary>Removes all of the tenant's secrets.</summary>
    Task RemoveAsync(Guid tenant, CancellationToken ct);
}
