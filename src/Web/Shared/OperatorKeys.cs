namespace ControlPlane.Web.Shared;

/// <summary>The keys that open the operators' side. The database keeps their hashes.</summary>
public static class OperatorKeys
{
    public const string Setting = "CONTROLPLANE_OPERATOR_KEY";

    const int Shortest = 20;

    /// <exception cref="SettingException">The given key cannot be one.</exception>
    public static void Check(string given)
    {
        if (given.Length < Shortest || given.StartsWith(Credentials.TenantKeyPrefix, StringComparison.Ordinal))
        {
            throw new SettingException($"{Setting} must have {Shortest} characters or more and not start with {Credentials.TenantKeyPrefix}.");
        }
    }

    /// <summary>One process at a time looks after the keys, until the transaction ends.</summary>
    public static Task LockOperatorKeysAsync(this Transaction transaction, CancellationToken ct) =>
        transaction.ExecuteAsync("select pg_advisory_xact_lock(hashtextextended('control.operator_key', 0))", ct);

    /// <summary>Makes a key the only one. Repeating it changes nothing.</summary>
    public static async Task ReplaceOperatorKeyAsync(this Transaction transaction, Clock clock, string key, CancellationToken ct)
    {
        if (await transaction.ExecuteAsync("delete from control.operator_key where hash <> $1", ct, Credentials.Hash(key)) > 0)
        {
            // Whoever signed in with a key that is replaced may be why it is.
            await transaction.ExecuteAsync("delete from control.operator_session", ct);
        }

        await transaction.AddOperatorKeyAsync(clock, key, ct);
    }

    public static Task AddOperatorKeyAsync(this Transaction transaction, Clock clock, string key, CancellationToken ct) => transaction.ExecuteAsync(
        "insert into control.operator_key (hash, created_at) values ($1, $2) on conflict do nothing", ct, Credentials.Hash(key), clock.GetUtcNow());
}
