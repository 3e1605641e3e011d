using Npgsql;

namespace ControlPlane.Database;

/// <summary>SQL with positional parameters ($1, $2, …) on an open connection. null is sent as SQL null.</summary>
/// <remarks>The arguments are a list, not an array, so that a single array stays one argument.</remarks>
public static class Sql
{
    public static NpgsqlCommand Command(this NpgsqlConnection connection, string sql, params List<object?> args)
    {
        var command = new NpgsqlCommand(sql, connection);
        foreach (var arg in args)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = arg ?? DBNull.Value });
        }

        return command;
    }

    /// <summary>Adds a statement to a batch.</summary>
    public static void Add(this NpgsqlBatch batch, string sql, params List<object?> args)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var arg in args)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = arg ?? DBNull.Value });
        }

        batch.BatchCommands.Add(command);
    }

    public static async Task<int> ExecuteAsync(this NpgsqlConnection connection, string sql, CancellationToken ct, params List<object?> args)
    {
        await using var command = connection.Command(sql, args);
        return await command.ExecuteNonQueryAsync(ct);
    }

    public static async Task<T?> ScalarAsync<T>(this NpgsqlConnection connection, string sql, CancellationToken ct, params List<object?> args) =>
        await connection.FirstAsync(sql, row => row.IsDBNull(0) ? default : row.GetFieldValue<T>(0), ct, args);

    public static async Task<List<T>> QueryAsync<T>(
        this NpgsqlConnection connection, string sql, Func<NpgsqlDataReader, T> row, CancellationToken ct, params List<object?> args)
    {
        await using var command = connection.Command(sql, args);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var rows = new List<T>();
        while (await reader.ReadAsync(ct))
        {
            rows.Add(row(reader));
        }

        return rows;
    }

    public static async Task<T?> FirstAsync<T>(
        this NpgsqlConnection connection, string sql, Func<NpgsqlDataReader, T> row, CancellationToken ct, params List<object?> args)
    {
        await using var command = connection.Command(sql, args);
        await using var reader = await command.ExecuteReaderAsync(ct);
        return await reader.ReadAsync(ct) ? row(reader) : default;
    }

    /// <summary>The column's value, or default (null for a nullable type) when it is null.</summary>
    public static T? Get<T>(this NpgsqlDataReader row, int column) => row.IsDBNull(column) ? default : row.GetFieldValue<T>(column);
}
