using Npgsql;

namespace ControlPlane.Accounts.ApiKeys;

/// <summary>Who a key belongs to.</summary>
public sealed record FoundKey(Guid Tenant, Guid Key);

/// <summary>Looks keys up before their tenants are known. Calls that come at the same time share a round trip; nothing is remembered.</summary>
public sealed class FindTenantKey(ControlDatabase database) : IAsyncDisposable
{
    readonly RequestBatcher<byte[], FoundKey?> _roundTrip = new((hashes, ct) => FindAsync(database, hashes, ct), concurrency: 1);

    /// <returns>null when the key is unknown or revoked.</returns>
    /// <exception cref="NpgsqlException">The database is away.</exception>
    public Task<FoundKey?> RunAsync(byte[] hash, CancellationToken ct) => _roundTrip.RunAsync(hash, ct);

    public ValueTask DisposeAsync() => _roundTrip.DisposeAsync();

    static async Task<IReadOnlyList<FoundKey?>> FindAsync(ControlDatabase database, IReadOnlyList<byte[]> hashes, CancellationToken ct)
    {
        await using var session = await database.OpenAppAsync(ct);
        var found = new FoundKey?[hashes.Count];
        foreach (var (place, key) in await session.QueryAsync(
            Find, row => (row.GetInt64(0) - 1, new FoundKey(row.GetGuid(1), row.GetGuid(2))), ct, hashes.ToArray()))
        {
            found[place] = key;
        }

        return found;
    }

    const string Find = """
        select h.place, k.tenant_id, k.key_id from unnest($1::bytea[]) with ordinality h (hash, place), lateral control.find_tenant_key(h.hash) k
        """;
}
