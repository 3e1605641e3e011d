namespace ControlPlane.Accounts.ApiKeys;

/// <param name="Prefix">The key's first characters, by which its owner recognizes it.</param>
/// <param name="Scopes">What the key may be used for.</param>
/// <param name="RevokedAt">null while the key is valid.</param>
/// <param name="User">The user whose calls those with this key are; null unless its scope is <c>chat</c>.</param>
public sealed record TenantKey(Guid Id, string Name, string Prefix, IReadOnlyList<string> Scopes, DateTimeOffset CreatedAt, DateTimeOffset? RevokedAt, string? User);

/// <param name="Key">Shown only once; only its hash is stored.</param>
/// <param name="User">The user whose calls those with this key are; null unless its scope is <c>chat</c>.</param>
public sealed record CreatedKey(Guid Id, string Name, string Key, IReadOnlyList<string> Scopes, DateTimeOffset CreatedAt, string? User = null);

static class TenantKeys
{
    // cpt_ and eight characters distinguish a tenant's keys and leave 35 secret characters.
    public const int PrefixLength = 12;

    public static async Task<CreatedKey> AddKeyAsync(
        this Transaction transaction, TimeProvider clock, Guid tenant, string name, string[] scopes, string? user, string actor, CancellationToken ct)
    {
        var key = Credentials.New(Credentials.TenantKeyPrefix);
        var created = new CreatedKey(Ids.New(clock), name, key, scopes, clock.GetUtcNow(), user);
        await transaction.ExecuteAsync(
            "insert into control.tenant_key (id, tenant_id, name, prefix, hash, scopes, created_at, user_id) values ($1, $2, $3, $4, $5, $6, $7, $8)", ct,
            created.Id, tenant, name, key[..PrefixLength], Credentials.Hash(key), scopes, created.CreatedAt, user);
        await transaction.AuditAsync(clock, tenant, actor, "key.created", new { id = created.Id, scopes }, ct);
        return created;
    }
}
