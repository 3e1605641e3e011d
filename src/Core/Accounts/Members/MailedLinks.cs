using ControlPlane.Accounts.ApiKeys;

namespace ControlPlane.Accounts.Members;

/// <summary>
/// Tells the links that were mailed from invented ones, for limits on their use. Whoever asks is not known yet: look-ups of all clients share one connection, and
/// networks take turns.
/// </summary>
public sealed class MailedLinks : IAsyncDisposable
{
    readonly ControlDatabase _database;
    readonly RequestBatcher<(byte[] Hash, string Network), bool> _batcher;

    public MailedLinks(ControlDatabase database)
    {
        _database = database;
        _batcher = new(FindAsync, fairBy: request => request.Network);
    }

    /// <param name="network">Of the client.</param>
    /// <returns>The same for each use of a link; null when there is no such link.</returns>
    public async Task<string?> KeyOfAsync(string token, string network, CancellationToken ct)
    {
        var hash = Credentials.Hash(token);
        return await _batcher.RunAsync((hash, network), ct) ? Convert.ToHexString(hash) : null;
    }

    public ValueTask DisposeAsync() => _batcher.DisposeAsync();

    async Task<IReadOnlyList<bool>> FindAsync(IReadOnlyList<(byte[] Hash, string Network)> requests, CancellationToken ct)
    {
        await using var session = await _database.OpenAppAsync(ct);
        return await session.QueryAsync(Find, row => row.GetBoolean(0), ct, requests.Select(request => request.Hash).ToArray());
    }

    const string Find = """
        select exists (select from control.find_member_token(h.hash)) from unnest($1::bytea[]) with ordinality h (hash, position) order by h.position
        """;
}
