using ControlPlane.Accounts.ApiKeys;

namespace ControlPlane.Accounts.Operators;

/// <summary>The operators' keys. The database stores their hashes only.</summary>
public static class OperatorKeys
{
    /// <returns>null when the key is unknown or revoked.</returns>
    public static Task<OperatorIdentity?> FindOperatorAsync(this Transaction transaction, string key, CancellationToken ct) => transaction.FirstAsync(
        Find, row => new OperatorIdentity(row.Get<Guid?>(0), row.Get<string>(1), OperatorRoles.Parse(row.GetString(2))!.Value), ct, Credentials.Hash(key));

    /// <returns>The hashes of the keys from the setting or the file that are valid.</returns>
    public static Task<List<byte[]>> OperatorKeyHashesAsync(this Transaction transaction, CancellationToken ct) =>
        transaction.QueryAsync("select hash from control.operator_key", row => row.GetFieldValue<byte[]>(0), ct);

    /// <summary>Whether this is the key of the setting and no other one is valid. Locks nothing.</summary>
    public static Task<bool> IsOnlyOperatorKeyAsync(this Transaction transaction, string key, CancellationToken ct) =>
        transaction.ScalarAsync<bool>("select count(*) = 1 and bool_and(hash = $1) from control.operator_key", ct, Credentials.Hash(key));

    /// <summary>Locks the keys until the transaction ends: one process at a time changes them.</summary>
    public static Task LockOperatorKeysAsync(this Transaction transaction, CancellationToken ct) =>
        transaction.ExecuteAsync("select pg_advisory_xact_lock(hashtextextended('control.operator_key', 0))", ct);

    /// <summary>Replaces the key of the setting by this one; keys of named operators stay. Idempotent.</summary>
    public static async Task ReplaceOperatorKeyAsync(this Transaction transaction, Clock clock, string key, CancellationToken ct)
    {
        if (await transaction.ExecuteAsync("delete from control.operator_key where hash <> $1", ct, Credentials.Hash(key)) > 0)
        {
            // A replaced key may have leaked, so sessions that were started with it end.
            await transaction.ExecuteAsync("delete from control.operator_session", ct);
        }

        await transaction.AddOperatorKeyAsync(clock, key, ct);
    }

    public static Task AddOperatorKeyAsync(this Transaction transaction, Clock clock, string key, CancellationToken ct) => transaction.ExecuteAsync(
        "insert into control.operator_key (hash, created_at) values ($1, $2) on conflict do nothing", ct, Credentials.Hash(key), clock.GetUtcNow());

    const string Find = """
        select null::uuid, null::text, 'admin' from control.operator_key where hash = $1
        union all
        select id, name, role from control.operator where key_hash = $1 and revoked_at is null
        """;
}
