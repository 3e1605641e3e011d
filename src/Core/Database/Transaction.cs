using Npgsql;

namespace ControlPlane.Database;

/// <summary>One open transaction and the few ways to run SQL in it. Rolled back unless <see cref="CommitAsync"/> was reached.</summary>
/// <param name="announced">Told after the commit what was announced in it.</param>
public sealed class Transaction(NpgsqlConnection connection, NpgsqlTransaction transaction, Action<Announcement> announced) : IAsyncDisposable
{
    readonly List<Announcement> _announcements = [];

    public NpgsqlConnection Connection => connection;

    /// <returns>Rows affected.</returns>
    public Task<int> ExecuteAsync(string sql, CancellationToken ct, params List<object?> args) => connection.ExecuteAsync(sql, ct, args);

    /// <returns>The first column of the first row; default when there is none or it is null.</returns>
    public Task<T?> ScalarAsync<T>(string sql, CancellationToken ct, params List<object?> args) => connection.ScalarAsync<T>(sql, ct, args);

    public Task<List<T>> QueryAsync<T>(string sql, Func<NpgsqlDataReader, T> row, CancellationToken ct, params List<object?> args) =>
        connection.QueryAsync(sql, row, ct, args);

    /// <returns>The first row; default when there is none.</returns>
    public Task<T?> FirstAsync<T>(string sql, Func<NpgsqlDataReader, T> row, CancellationToken ct, params List<object?> args) =>
        connection.FirstAsync(sql, row, ct, args);

    /// <summary>Says, once this is committed, that a job has work to do.</summary>
    public void Announce(Announcement work) => _announcements.Add(work);

    public async Task CommitAsync(CancellationToken ct)
    {
        await transaction.CommitAsync(ct);
        _announcements.ForEach(announced);
        _announcements.Clear();
    }

    public async ValueTask DisposeAsync()
    {
        await transaction.DisposeAsync();
        await connection.DisposeAsync();
    }
}

/// <summary>Work for a job was queued by this process. Processes that can listen hear of it from the database, by <c>pg_notify</c>.</summary>
/// <param name="Job">The name of a <see cref="Operations.JobSchedule"/>.</param>
public sealed record Announcement(string Job, Guid Tenant);
