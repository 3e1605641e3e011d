namespace ControlPlane.Accounts.Tenants;

/// <summary>Changes of a tenant's status after signup. Repeating one is harmless.</summary>
public static class TenantStatus
{
    public static async Task<string> SlugAsync(this Transaction transaction, Guid tenant, CancellationToken ct) =>
        await transaction.ScalarAsync<string>("select slug from control.tenant where id = $1", ct, tenant) ?? throw new InvalidOperationException($"There is no tenant {tenant}.");

    /// <returns>False when the tenant was not active.</returns>
    public static async Task<bool> MarkSuspendedAsync(this Transaction transaction, Guid tenant, CancellationToken ct) =>
        await transaction.ExecuteAsync("update control.tenant set status = 'suspended' where id = $1 and status = 'active'", ct, tenant) > 0;

    /// <returns>False when the tenant was not suspended.</returns>
    public static async Task<bool> MarkActiveAsync(this Transaction transaction, Guid tenant, CancellationToken ct) =>
        await transaction.ExecuteAsync("update control.tenant set status = 'active' where id = $1 and status = 'suspended'", ct, tenant) > 0;

    /// <summary>When the deletion is requested: from now on no key, signature, session or link of the tenant is accepted, except that the gateway reports its
    /// last usage until it is removed. This is final.</summary>
    public static Task MarkDeletionRequestedAsync(this Transaction transaction, TimeProvider clock, Guid tenant, CancellationToken ct) =>
        transaction.ExecuteAsync(
            "update control.tenant set deletion_requested_at = $2 where id = $1 and deletion_requested_at is null", ct, tenant, clock.GetUtcNow());

    /// <summary>After the environment was removed. Usage and invoices are kept.</summary>
    public static Task MarkDeletedAsync(this Transaction transaction, TimeProvider clock, Guid tenant, CancellationToken ct) =>
        transaction.ExecuteAsync(
            "update control.tenant set status = 'deleted', deleted_at = $2 where id = $1 and status <> 'deleted'", ct, tenant, clock.GetUtcNow());
}
