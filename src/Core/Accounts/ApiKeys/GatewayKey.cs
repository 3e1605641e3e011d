namespace ControlPlane.Accounts.ApiKeys;

/// <summary>
/// The tenant key with which an environment's gateway authorizes calls and reports usage; the SQL functions that find keys allow it nothing else. Its value
/// is in the secret store.
/// </summary>
public static class GatewayKey
{
    public const string Name = "gateway";

    /// <summary>Registers the key. Repeating it changes nothing.</summary>
    public static Task AddGatewayKeyAsync(this Transaction transaction, TimeProvider clock, Guid tenant, string key, CancellationToken ct) =>
        transaction.ExecuteAsync(
            Insert, ct, Ids.New(clock), tenant, Name, key[..TenantKeys.PrefixLength], Credentials.Hash(key), clock.GetUtcNow());

    public static Task RevokeGatewayKeyAsync(this Transaction transaction, TimeProvider clock, Guid tenant, CancellationToken ct) =>
        transaction.ExecuteAsync(
            "update control.tenant_key set revoked_at = $3 where tenant_id = $1 and name = $2 and revoked_at is null", ct, tenant, Name, clock.GetUtcNow());

    const string Insert = """
        insert into control.tenant_key (id, tenant_id, name, prefix, hash, created_at) values ($1, $2, $3, $4, $5, $6) on conflict (hash) do nothing
        """;
}
