using Npgsql;

namespace ControlPlane.Accounts.ApiKeys;

/// <summary>A key and the tenant it belongs to.</summary>
/// <param name="Scopes">Of <see cref="KeyScopes"/>.</param>
/// <param name="User">The user of the environment whose calls those with a key for the tenant's API are; null for all other keys.</param>
public sealed record FoundKey(Guid Tenant, Guid Key, IReadOnlyCollection<string> Scopes, string? User);

/// <summary>
/// Finds keys before their tenants are known. Concurrent calls are batched into one query; nothing is cached. When more wait than a query takes, the tenants
/// of keys that were found before take turns, and the networks of all other callers.
/// </summary>
public sealed class FindTenantKey : IAsyncDisposable
{
    readonly ControlDatabase _database;
    // By hash, in hexadecimal.
    readonly VerifiedSenders<string> _verified = new();
    readonly RequestBatcher<Request, FoundKey?> _batcher;

    public FindTenantKey(ControlDatabase database)
    {
        _database = database;
        _batcher = new(FindAsync, fairBy: request => _verified.TurnOf(Convert.ToHexString(request.Hash), request.Network));
    }

    /// <param name="network">Of the caller.</param>
    /// <returns>null when the key is unknown or revoked, or its tenant is deleted.</returns>
    /// <exception cref="NpgsqlException">The database is unavailable.</exception>
    public Task<FoundKey?> RunAsync(byte[] hash, string network, CancellationToken ct) => _batcher.RunAsync(new(hash, network), ct);

    public ValueTask DisposeAsync() => _batcher.DisposeAsync();

    async Task<IReadOnlyList<FoundKey?>> FindAsync(IReadOnlyList<Request> requests, CancellationToken ct)
    {
        await using var session = await _database.OpenAppAsync(ct);
        var found = new FoundKey?[requests.Count];
        foreach (var (position, key) in await session.QueryAsync(
            Find, row => (row.GetInt64(0) - 1, new FoundKey(row.GetGuid(1), row.GetGuid(2), row.GetFieldValue<string[]>(3), row.Get<string>(4))), ct,
            requests.Select(request => request.Hash).ToArray()))
        {
            found[position] = key;
            _verified.Add(Convert.ToHexString(requests[(int)position].Hash), key.Tenant);
        }

        foreach (var (request, _) in requests.Zip(found).Where(pair => pair.Second is null))
        {
            // Unknown or revoked: its further requests are not the tenant's.
            _verified.Remove(Convert.ToHexString(request.Hash));
        }

        return found;
    }

    sealed record Request(byte[] Hash, string Network);

    const string Find = """
        select h.position, k.tenant_id, k.key_id, k.scopes, k.user_id
        from unnest($1::bytea[]) with ordinality h (hash, position), lateral control.find_tenant_key_3(h.hash) k
        """;
}
