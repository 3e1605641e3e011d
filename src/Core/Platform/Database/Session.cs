using System.Data;
using System.Runtime.CompilerServices;
using Npgsql;

namespace ControlPlane.Platform.Database;

/// <summary>
/// A connection outside a transaction: every statement is a transaction of its own, and takes its rights in its own round trip. For a single
/// statement, and for what belongs to a session: advisory locks and LISTEN.
/// </summary>
/// <remarks>
/// Locks and LISTEN hold behind RDS Proxy, which then keeps the server's connection for this session, but not behind a pooler that lends
/// connections by the transaction, such as PgBouncer in that mode.
/// </remarks>
public sealed class Session : Statements
{
    readonly NpgsqlConnection _connection;
    readonly SessionRole _rights;

    internal Session(NpgsqlConnection connection, SessionRole rights) => (_connection, _rights) = (connection, rights);

    /// <summary>False once the connection is lost, and with it the session's locks.</summary>
    public bool IsOpen => _connection.State == ConnectionState.Open;

    /// <summary>What is notified on a channel from now on: the payloads, as they come in.</summary>
    /// <exception cref="NpgsqlException">The connection is gone, and with it what was notified since.</exception>
    public async IAsyncEnumerable<string> ListenAsync(string channel, [EnumeratorCancellation] CancellationToken ct)
    {
        var arrived = new Queue<string>();
        _connection.Notification += (_, notification) => arrived.Enqueue(notification.Payload);
        await ExecuteAsync($"listen {channel}", ct);
        while (true)
        {
            while (arrived.TryDequeue(out var payload))
            {
                yield return payload;
            }

            await _connection.WaitAsync(ct);
        }
    }

    public override ValueTask DisposeAsync() => _connection.DisposeAsync();

    private protected override Task<T> SendAsync<T>(string sql, List<object?> args, Func<NpgsqlBatch, Task<T>> run) =>
        run(_connection.Batch(_rights, sql, args));
}
