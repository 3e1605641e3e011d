using Npgsql;

namespace ControlPlane.Accounts.ApiKeys;

/// <summary>A key and the tenant it belongs to.</summary>
/// <param name="Scopes">Of <see cref="KeyScopes"/>.</param>
public sealed record FoundKey(Guid Tenant, Guid Key, IReadOnlyCollection<string> Scopes);

/// <summary>Finds keys before their tenants are known. Concurrent calls are batched into one query; nothing is cached.</summary>
public sealed class FindTenantKey(ControlDatabase database) : IAsyncDisposable
{
    readonly RequestBatcher<byte[], FoundKey?> _batcher = new((hashes, ct) => FindAsync(database, hashes, ct), fairBy: Convert.ToHexString);

    /// <returns>null when the key is unknown or revoked, or its tenant is deleted.</returns>
    /// <exception cref="NpgsqlException">The database is unavailable.</exception>
    public Task<FoundKey?> RunAsync(byte[] hash, CancellationToken ct) => _batcher.RunAsync(hash, ct);

    public ValueTask DisposeAsync() => _batcher.DisposeAsync();

    static async Task<IReadOnlyList<FoundKey?>> FindAsync(ControlDatabase database, IReadOnlyList<byte[]> hashes, CancellationToken ct)
    {
        await using var session = await database.OpenAppAsync(ct);
        var found = new FoundKey?[hashes.Count];
        foreach (var (position, key) in await session.QueryAsync(
            Find, row => (row.GetInt64(0) - 1, new FoundKey(row.GetGuid(1), row.GetGuid(2), row.GetFieldValue<string[]>(3))), ct, hashes.ToArray()))
        {
            found[position] = key;
        }

        return found;
    }

    const string Find = """
        select h.position, k.tenant_id, k.key_id, k.scopes
        from unnest($1::bytea[]) with ordinality h (hash, position), lateral control.find_tenant_key_2(h.hash) k
        """;
}
