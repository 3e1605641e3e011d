using System.Data;
using System.Runtime.CompilerServices;
using Npgsql;

namespace ControlPlane.Platform.Database;

/// <summary>
/// A connection outside a transaction: every statement is a transaction of its own and sets its role in its own round trip. For a single statement, and for
/// session state: advisory locks and LISTEN.
/// </summary>
/// <remarks>
/// Locks and LISTEN work through RDS Proxy, which pins the server connection to this session, but not through a transaction-level pooler such as PgBouncer
/// in transaction mode.
/// </remarks>
public sealed class Session : Statements
{
    readonly NpgsqlConnection _connection;
    readonly SessionRole _role;

    internal Session(NpgsqlConnection connection, SessionRole role) => (_connection, _role) = (connection, role);

    /// <summary>False once the connection, and with it the session's locks, is lost.</summary>
    public bool IsOpen => _connection.State == ConnectionState.Open;

    /// <summary>The payloads of a channel's notifications from now on.</summary>
    /// <exception cref="NpgsqlException">The connection is lost; notifications since then are, too.</exception>
    public async IAsyncEnumerable<string> ListenAsync(string channel, [EnumeratorCancellation] CancellationToken ct)
    {
        var payloads = new Queue<string>();
        _connection.Notification += (_, notification) => payloads.Enqueue(notification.Payload);
        await ExecuteAsync($"listen {channel}", ct);
        while (true)
        {
            while (payloads.TryDequeue(out var payload))
            {
                yield return payload;
            }

            await _connection.WaitAsync(ct);
        }
    }

    public override ValueTask DisposeAsync() => _connection.DisposeAsync();

    private protected override Task<T> SendAsync<T>(string sql, List<object?> args, Func<NpgsqlBatch, Task<T>> run) =>
        run(_connection.CreateBatch(_role, sql, args));
}
