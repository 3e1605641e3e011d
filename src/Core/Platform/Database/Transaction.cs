using Npgsql;

namespace ControlPlane.Platform.Database;

/// <summary>One open transaction. Rolled back unless <see cref="CommitAsync"/> was reached.</summary>
public sealed class Transaction : Statements
{
    readonly NpgsqlConnection _connection;
    readonly NpgsqlTransaction _transaction;
    // null once the role is set. Until a statement has succeeded, each one sets it: a statement that was never sent did not.
    SessionRole? _role;
    bool _ended;
    readonly Action<Announcement> _announce;
    readonly IDisposable? _place;
    readonly List<Announcement> _announcements = [];

    /// <param name="announce">Called after the commit with each announcement of the transaction.</param>
    /// <param name="place">Disposed after the connection was returned; null when the connection is not one of a tenant.</param>
    internal Transaction(NpgsqlConnection connection, NpgsqlTransaction transaction, SessionRole role, Action<Announcement> announce, IDisposable? place) =>
        (_connection, _transaction, _role, _announce, _place) = (connection, transaction, role, announce, place);

    /// <summary>Announces, once the transaction is committed, that a job has work to do.</summary>
    public void Announce(Announcement work) => _announcements.Add(work);

    /// <summary>Sends several statements in one round trip.</summary>
    /// <param name="read">Called with the reader at the first result that has rows; null when no statement returns any.</param>
    /// <exception cref="InvalidOperationException">The transaction has ended.</exception>
    public async Task SendAsync(IEnumerable<Statement> statements, CancellationToken ct, Func<NpgsqlDataReader, Task>? read = null)
    {
        ThrowIfEnded();
        await using var batch = new NpgsqlBatch(_connection);
        foreach (var command in _role?.CreateCommands() ?? [])
        {
            batch.BatchCommands.Add(command);
        }

        var preceding = batch.BatchCommands.Count;
        foreach (var statement in statements)
        {
            batch.BatchCommands.Add(statement.CreateCommand());
        }

        await using var reader = await batch.ExecuteReaderAsync(ct);
        while (preceding-- > 0)
        {
            await reader.NextResultAsync(ct);
        }

        _role = null;
        await (read?.Invoke(reader) ?? Task.CompletedTask);

        // To the end: the error of a statement is only raised when its result is reached.
        while (await reader.NextResultAsync(ct))
        {
        }
    }

    /// <summary>Limits the statements that follow to this tenant's rows.</summary>
    public static Statement For(Guid tenant) => new("select set_config('app.current_tenant', $1, true)", tenant.ToString());

    /// <summary>
    /// Takes one of a tenant's places for a kind of work, which all processes share, until the end of the transaction. When all are taken, it fails:
    /// <see cref="TenantBusyException.Of"/>.
    /// </summary>
    internal static Statement TakePlace(Guid tenant, string work, int places) => new("select control.take_tenant_place($1, $2, $3)", tenant, work, places);

    public async Task CommitAsync(CancellationToken ct)
    {
        _ended = true;
        await _transaction.CommitAsync(ct);
        _announcements.ForEach(_announce);
    }

    public override async ValueTask DisposeAsync()
    {
        _ended = true;
        try
        {
            await _transaction.DisposeAsync();
            await _connection.DisposeAsync();
        }
        finally
        {
            _place?.Dispose();
        }
    }

    /// <exception cref="InvalidOperationException">The transaction has ended, and with it the role.</exception>
    private protected override async Task<T> SendAsync<T>(string sql, List<object?> args, Func<NpgsqlBatch, Task<T>> run)
    {
        ThrowIfEnded();
        var answer = await run(_connection.CreateBatch(_role, sql, args));
        _role = null;
        return answer;
    }

    // Another statement would run outside the transaction, with the rights of the login.
    void ThrowIfEnded()
    {
        if (_ended)
        {
            throw new InvalidOperationException("The transaction has ended: begin another one.");
        }
    }
}

/// <summary>This process has queued work for a job. Processes that can LISTEN are notified by the database instead, with <c>pg_notify</c>.</summary>
/// <param name="Job">The name of a <see cref="JobSchedule"/>.</param>
public sealed record Announcement(string Job, Guid Tenant);
