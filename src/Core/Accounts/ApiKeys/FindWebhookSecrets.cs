namespace ControlPlane.Accounts.ApiKeys;

/// <summary>
/// Finds the secrets of the tenants that signed deliveries claim to come from. Any client can cause these look-ups, with the id of any tenant, so they are
/// batched: together they use one connection, and none of those that a tenant may hold. When more wait than a batch holds, tenants take turns from networks that have sent
/// valid signatures of theirs, and all other networks: a client can claim to be any number of tenants.
/// </summary>
public sealed class FindWebhookSecrets(ControlDatabase database, SecretBox box) : IAsyncDisposable
{
    readonly RequestBatcher<Request, IReadOnlyList<byte[]>> _batcher = new(
        (requests, ct) => FindAsync(database, [.. requests.Select(request => request.Tenant)], ct), fairBy: request => request.Turn);

    /// <param name="turn">The sender's, of <see cref="VerifiedSenders{TSender}"/>.</param>
    /// <returns>The decoded secrets with which a signature is valid, newest first: at most two. Empty when the tenant has none, is deleted or does not exist.</returns>
    /// <exception cref="Npgsql.NpgsqlException">The database is unavailable.</exception>
    /// <exception cref="System.Security.Cryptography.CryptographicException">No configured key decrypts one of them.</exception>
    public async Task<IReadOnlyList<byte[]>> RunAsync(Guid tenant, object turn, CancellationToken ct)
    {
        var ciphertexts = await _batcher.RunAsync(new(tenant, turn), ct);
        // Outside the batch: a secret that cannot be decrypted fails its own tenant only.
        return [.. ciphertexts.Select(ciphertext => WebhookSecrets.Decode(box, tenant, ciphertext))];
    }

    public ValueTask DisposeAsync() => _batcher.DisposeAsync();

    static async Task<IReadOnlyList<IReadOnlyList<byte[]>>> FindAsync(ControlDatabase database, IReadOnlyList<Guid> tenants, CancellationToken ct)
    {
        var found = tenants.Distinct().ToDictionary(tenant => tenant, _ => new List<byte[]>());
        await using var transaction = await database.BeginAnonymousAsync(ct);
        await transaction.SendAsync(found.Keys.SelectMany(tenant => new[] { Transaction.For(tenant), new(WebhookSecrets.Valid, tenant) }), ct, async reader =>
        {
            foreach (var secrets in found.Values)
            {
                await reader.NextResultAsync(ct);
                while (await reader.ReadAsync(ct))
                {
                    secrets.Add(reader.GetFieldValue<byte[]>(0));
                }

                await reader.NextResultAsync(ct);
            }
        });
        return [.. tenants.Select(tenant => found[tenant])];
    }

    sealed record Request(Guid Tenant, object Turn);
}
