using Npgsql;

namespace ControlPlane.Platform.Database;

/// <summary>Runs SQL as one role. Positional parameters ($1, $2, …); null is sent as SQL null.</summary>
/// <remarks>The connection itself is not exposed: a statement on it would have all the rights of the login.</remarks>
public abstract class Statements : IAsyncDisposable
{
    /// <returns>Rows affected.</returns>
    public Task<int> ExecuteAsync(string sql, CancellationToken ct, params List<object?> args) => SendAsync(sql, args, batch => batch.ExecuteAsync(ct));

    /// <returns>The first column of the first row; default when there is none or it is null.</returns>
    public Task<T?> ScalarAsync<T>(string sql, CancellationToken ct, params List<object?> args) => FirstAsync(sql, Sql.First<T>, ct, args);

    public Task<List<T>> QueryAsync<T>(string sql, Func<NpgsqlDataReader, T> row, CancellationToken ct, params List<object?> args) =>
        SendAsync(sql, args, batch => batch.QueryAsync(row, ct));

    /// <returns>The first row; default when there is none.</returns>
    public Task<T?> FirstAsync<T>(string sql, Func<NpgsqlDataReader, T> row, CancellationToken ct, params List<object?> args) =>
        SendAsync(sql, args, batch => batch.FirstAsync(row, ct));

    public abstract ValueTask DisposeAsync();

    private protected abstract Task<T> SendAsync<T>(string sql, List<object?> args, Func<NpgsqlBatch, Task<T>> run);
}
