using Npgsql;

namespace ControlPlane.Database;

/// <summary>One open transaction. Rolled back unless <see cref="CommitAsync"/> was reached.</summary>
public sealed class Transaction : Statements
{
    readonly NpgsqlConnection _connection;
    readonly NpgsqlTransaction _transaction;
    // null once the transaction has them. Until a statement has succeeded, each one takes them, for one that was never sent took none.
    Rights? _rights;
    bool _over;

    internal Transaction(NpgsqlConnection connection, NpgsqlTransaction transaction, Rights rights) =>
        (_connection, _transaction, _rights) = (connection, transaction, rights);

    public Task CommitAsync(CancellationToken ct)
    {
        _over = true;
        return _transaction.CommitAsync(ct);
    }

    public override async ValueTask DisposeAsync()
    {
        _over = true;
        await _transaction.DisposeAsync();
        await _connection.DisposeAsync();
    }

    /// <exception cref="InvalidOperationException">The transaction is over, and the rights with it.</exception>
    private protected override async Task<T> SendAsync<T>(string sql, List<object?> args, Func<NpgsqlBatch, Task<T>> run)
    {
        // Another statement would be on its own, with the rights of the login.
        if (_over)
        {
            throw new InvalidOperationException("The transaction is over: begin another one.");
        }

        var answer = await run(_connection.Batch(_rights, sql, args));
        _rights = null;
        return answer;
    }
}
