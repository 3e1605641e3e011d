using Npgsql;

namespace ControlPlane.Database;

/// <summary>One open transaction and the few ways to run SQL in it. Rolled back unless <see cref="CommitAsync"/> was reached.</summary>
public sealed class Transaction(NpgsqlConnection connection, NpgsqlTransaction transaction) : IAsyncDisposable
{
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

    /// <summary>$1: tenant id as text. What follows in the transaction sees and writes this tenant's rows.</summary>
    public const string Become = "select set_config('app.current_tenant', $1, true)";

    public Task ActForAsync(Guid tenant, CancellationToken ct) => ExecuteAsync(Become, ct, tenant.ToString());

    public Task CommitAsync(CancellationToken ct) => transaction.CommitAsync(ct);

    public async ValueTask DisposeAsync()
    {
        await transaction.DisposeAsync();
        await connection.DisposeAsync();
    }
}
