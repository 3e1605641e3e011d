namespace ControlPlane.Accounts.ApiKeys;

/// <summary>Revokes a key at once. Repeating it changes nothing. A tenant cannot revoke the environment's own key, which reports usage.</summary>
public sealed class RevokeKey(ControlDatabase database, Clock clock)
{
    /// <returns>False when the tenant has no such key.</returns>
    public async Task<bool> RunAsync(Guid tenant, Guid key, string actor, CancellationToken ct)
    {
        await using var transaction = await database.BeginAsync(tenant, ct);
        if (await transaction.ExecuteAsync(Revoke, ct, key, clock.GetUtcNow()) == 0)
        {
            return await transaction.ScalarAsync<bool>("select true from control.tenant_key where id = $1 and name <> 'gateway'", ct, key);
        }

        await transaction.AuditAsync(clock, tenant, actor, "key.revoked", new { id = key }, ct);
        await transaction.CommitAsync(ct);
        return true;
    }

    const string Revoke = "update control.tenant_key set revoked_at = $2 where id = $1 and name <> 'gateway' and revoked_at is null";
}
