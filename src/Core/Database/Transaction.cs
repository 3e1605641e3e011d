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
    readonly Action<Announcement> _announce;
    readonly List<Announcement> _announcements = [];

    /// <param name="announce">Told after the commit what was announced in the transaction.</param>
    internal Transaction(NpgsqlConnection connection, NpgsqlTransaction transaction, Rights rights, Action<Announcement> announce) =>
        (_connection, _transaction, _rights, _announce) = (connection, transaction, rights, announce);

    /// <summary>Says, once this is committed, that a job has work to do.</summary>
    public void Announce(Announcement work) => _announcements.Add(work);

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

/// <summary>Work for a job was queued by this process. Processes that can listen hear of it from the database, by <c>pg_notify</c>.</summary>
/// <param name="Job">The name of a <see cref="Operations.JobSchedule"/>.</param>
public sealed record Announcement(string Job, Guid Tenant);
