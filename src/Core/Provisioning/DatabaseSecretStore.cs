namespace ControlPlane.Provisioning;

/// <summary>Stores secrets encrypted in PostgreSQL, for installations without a secret manager. The key is kept outside the database.</summary>
public sealed class DatabaseSecretStore(ControlDatabase database, SecretBox box, Clock clock) : ISecretStore
{
    /// <summary>The stored secrets, for a change of the key that encrypts them.</summary>
    public static SealedColumn Column { get; } = new(
        "secrets of environments",
        "select tenant_id, name, ciphertext from control.tenant_secret",
        "update control.tenant_secret set ciphertext = $4 where tenant_id = $1 and name = $2 and ciphertext = $3",
        (tenant, name) => Context(tenant!.Value, name));

    public async Task<IReadOnlyDictionary<string, string>> ReadAsync(Guid tenant, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        var rows = await transaction.QueryAsync(
            "select name, ciphertext from control.tenant_secret where tenant_id = $1",
            row => (Name: row.GetString(0), Ciphertext: row.GetFieldValue<byte[]>(1)), ct, tenant);
        return rows.ToDictionary(row => row.Name, row => box.Open(row.Ciphertext, Context(tenant, row.Name)));
    }

    public async Task AddAsync(Guid tenant, IReadOnlyDictionary<string, string> secrets, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        foreach (var (name, value) in secrets)
        {
            await transaction.ExecuteAsync(Insert, ct, tenant, name, box.Seal(value, Context(tenant, name)), clock.GetUtcNow());
        }

        await transaction.CommitAsync(ct);
    }

    public async Task RemoveAsync(Guid tenant, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        await transaction.ExecuteAsync("delete from control.tenant_secret where tenant_id = $1", ct, tenant);
        await transaction.CommitAsync(ct);
    }

    static string Context(Guid tenant, string name) => $"tenant_secret:{tenant}:{name}";

    const string Insert = """
        insert into control.tenant_secret (tenant_id, name, ciphertext, updated_at) values ($1, $2, $3, $4) on conflict do nothing
        """;
}
