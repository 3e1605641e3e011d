namespace ControlPlane.Accounts.ApiKeys;

/// <summary>The operators' keys. The database stores their hashes only.</summary>
public static class OperatorKeys
{
    public static Task<bool> IsOperatorKeyAsync(this Transaction transaction, string key, CancellationToken ct) =>
        transaction.ScalarAsync<bool>("select true from control.operator_key where hash = $1", ct, Credentials.Hash(key));

    /// <returns>The hashes of the keys in force.</returns>
    public static Task<List<byte[]>> OperatorKeyHashesAsync(this Transaction transaction, CancellationToken ct) =>
        transaction.QueryAsync("select hash from control.operator_key", row => row.GetFieldValue<byte[]>(0), ct);

    /// <summary>Locks the keys until the transaction ends: one process at a time changes them.</summary>
    public static Task LockOperatorKeysAsync(this Transaction transaction, CancellationToken ct) =>
        transaction.ExecuteAsync("select pg_advisory_xact_lock(hashtextextended('control.operator_key', 0))", ct);

    /// <summary>Replaces all keys by this one. Idempotent.</summary>
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
}
