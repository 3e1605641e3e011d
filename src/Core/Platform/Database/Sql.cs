using Npgsql;

namespace ControlPlane.Platform.Database;

/// <summary>SQL with positional parameters ($1, $2, …) on an open connection, with the rights of its login. null is sent as SQL null.</summary>
/// <remarks>The arguments are a list, not an array, so that a single array stays one argument.</remarks>
public static class Sql
{
    public static Task<int> ExecuteAsync(this NpgsqlConnection connection, string sql, CancellationToken ct, params List<object?> args) =>
        connection.CreateBatch(role: null, sql, args).ExecuteAsync(ct);

    public static Task<T?> ScalarAsync<T>(this NpgsqlConnection connection, string sql, CancellationToken ct, params List<object?> args) =>
        connection.CreateBatch(role: null, sql, args).FirstAsync(First<T>, ct);

    public static Task<List<T>> QueryAsync<T>(
        this NpgsqlConnection connection, string sql, Func<NpgsqlDataReader, T> row, CancellationToken ct, params List<object?> args) =>
        connection.CreateBatch(role: null, sql, args).QueryAsync(row, ct);

    public static Task<T?> FirstAsync<T>(
        this NpgsqlConnection connection, string sql, Func<NpgsqlDataReader, T> row, CancellationToken ct, params List<object?> args) =>
        connection.CreateBatch(role: null, sql, args).FirstAsync(row, ct);

    /// <summary>The column's value, or default (null for a nullable type) when it is null.</summary>
    public static T? Get<T>(this NpgsqlDataReader row, int column) => row.IsDBNull(column) ? default : row.GetFieldValue<T>(column);

    internal static T? First<T>(NpgsqlDataReader row) => row.Get<T>(0);

    /// <summary>A statement, preceded by the commands that set its <paramref name="role"/> unless that is null.</summary>
    internal static NpgsqlBatch CreateBatch(this NpgsqlConnection connection, SessionRole? role, string sql, List<object?> args)
    {
        var batch = new NpgsqlBatch(connection);
        foreach (var command in role?.CreateCommands() ?? [])
        {
            batch.BatchCommands.Add(command);
        }

        batch.BatchCommands.Add(new Statement(sql, args).CreateCommand());
        return batch;
    }

    internal static async Task<int> ExecuteAsync(this NpgsqlBatch batch, CancellationToken ct)
    {
        await using (batch)
        {
            return await batch.ExecuteNonQueryAsync(ct);
        }
    }

    internal static Task<List<T>> QueryAsync<T>(this NpgsqlBatch batch, Func<NpgsqlDataReader, T> row, CancellationToken ct) => batch.ReadAsync(
        async reader =>
        {
            var rows = new List<T>();
            while (await reader.ReadAsync(ct))
            {
                rows.Add(row(reader));
            }

            return rows;
        }, ct);

    internal static Task<T?> FirstAsync<T>(this NpgsqlBatch batch, Func<NpgsqlDataReader, T> row, CancellationToken ct) =>
        batch.ReadAsync(async reader => await reader.ReadAsync(ct) ? row(reader) : default, ct);

    static async Task<T> ReadAsync<T>(this NpgsqlBatch batch, Func<NpgsqlDataReader, Task<T>> read, CancellationToken ct)
    {
        await using (batch)
        {
            await using var reader = await batch.ExecuteReaderAsync(ct);
            // Skips the results of setting the role.
            for (var preceding = 1; preceding < batch.BatchCommands.Count; preceding++)
            {
                await reader.NextResultAsync(ct);
            }

            return await read(reader);
        }
    }
}

/// <summary>SQL and its positional arguments.</summary>
public sealed record Statement(string Sql, params List<object?> Args)
{
    /// <exception cref="PostgresException">A text contains U+0000, which PostgreSQL cannot store.</exception>
    internal NpgsqlBatchCommand CreateCommand()
    {
        var command = new NpgsqlBatchCommand(Sql);
        foreach (var arg in Args)
        {
            // PostgreSQL would refuse it too late: Npgsql takes a statement for prepared although its values were refused, and then its next use on the
            // connection fails, whoever's it is (https://github.com/npgsql/npgsql/issues/6391).
            if (arg is string text ? HasNul(text) : arg is IEnumerable<string?> texts && texts.Any(HasNul))
            {
                throw new PostgresException("A text contains U+0000.", "ERROR", "ERROR", PostgresErrorCodes.CharacterNotInRepertoire);
            }

            command.Parameters.Add(new NpgsqlParameter { Value = arg ?? DBNull.Value });
        }

        return command;
    }

    static bool HasNul(string? text) => text?.Contains('\0', StringComparison.Ordinal) == true;
}
