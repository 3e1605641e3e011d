using Npgsql;

namespace ControlPlane.Platform.Database;

/// <summary>One open transaction. Rolled back unless <see cref="CommitAsync"/> was reached.</summary>
public sealed class Transaction : Statements
{
    readonly NpgsqlConnection _connection;
    readonly NpgsqlTransaction _transaction;
    // null once the transaction has them. Until a statement has succeeded, each one takes them, for one that was never sent took none.
    SessionRole? _rights;
    bool _over;
    readonly Action<Announcement> _announce;
    readonly List<Announcement> _announcements = [];

    /// <param name="announce">Told after the commit what was announced in the transaction.</param>
    internal Transaction(NpgsqlConnection connection, NpgsqlTransaction transaction, SessionRole rights, Action<Announcement> announce) =>
        (_connection, _transaction, _rights, _announce) = (connection, transaction, rights, announce);

    /// <summary>Says, once this is committed, that a job has work to do.</summary>
    public void Announce(Announcement work) => _announcements.Add(work);

    /// <summary>Sends several statements in one round trip.</summary>
    /// <param name="read">Called with the reader at the first answer that has rows; null when none has any.</param>
    /// <exception cref="InvalidOperationException">The transaction is over.</exception>
    public async Task SendAsync(IEnumerable<Statement> statements, CancellationToken ct, Func<NpgsqlDataReader, Task>? read = null)
    {
        ThrowIfOver();
        await using var batch = new NpgsqlBatch(_connection);
        if (_rights is not null)
        {
            batch.BatchCommands.Add(_rights.CreateSetRoleCommand());
        }

        foreach (var statement in statements)
        {
            batch.BatchCommands.Add(statement.Command());
        }

        await using var reader = await batch.ExecuteReaderAsync(ct);
        if (_rights is not null)
        {
            await reader.NextResultAsync(ct);
            _rights = null;
        }

        await (read?.Invoke(reader) ?? Task.CompletedTask);

        // To the end: a statement that failed is heard of only when its answer is reached.
        while (await reader.NextResultAsync(ct))
        {
        }
    }

    /// <summary>What the following statements see and write are this tenant's rows.</summary>
    public static Statement For(Guid tenant) => new("select set_config('app.current_tenant', $1, true)", tenant.ToString());

    public async Task CommitAsync(CancellationToken ct)
    {
        _over = true;
        await _transaction.CommitAsync(ct);
        _announcements.ForEach(_announce);
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
        ThrowIfOver();
        var answer = await run(_connection.Batch(_rights, sql, args));
        _rights = null;
        return answer;
    }

    // Another statement would be on its own, with the rights of the login.
    void ThrowIfOver()
    {
        if (_over)
        {
            throw new InvalidOperationException("The transaction is over: begin another one.");
        }
    }
}

/// <summary>Work for a job was queued by this process. Processes that can listen hear of it from the database, by <c>pg_notify</c>.</summary>
/// <param name="Job">The name of a <see cref="JobSchedule"/>.</param>
public sealed record Announcement(string Job, Guid Tenant);
