namespace ControlPlane.Provisioning;

/// <summary>
/// Keeps the secrets of environments: per tenant one set of names and values, under the name <c>tenant-{tenant_id}-secrets</c>
/// where the store has names.
/// </summary>
public interface ISecretStore
{
    /// <returns>Empty when the tenant has none.</returns>
    Task<IReadOnlyDictionary<string, string>> ReadAsync(Guid tenant, CancellationToken ct);

    /// <summary>Adds the values whose names are not there yet; what is there stays as it is.</summary>
    Task AddAsync(Guid tenant, IReadOnlyDictionary<string, string> secrets, CancellationToken ct);

    /// <summary>Forgets everything about the tenant.</summary>
    Task RemoveAsync(Guid tenant, CancellationToken ct);
}
