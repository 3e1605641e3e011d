using DbUp.Engine;
using Npgsql;

namespace ControlPlane.Platform.Database;

/// <summary>
/// DbUp's table of the migrations that a database has run. Readable by every role: /readyz asks for it.
/// </summary>
/// <remarks>
/// Releases up to 0.1 had a migrator of their own, which recorded migrations in <c>public.control_migration</c>. Its rows are copied when the journal is
/// created. The table itself stays as it was then: processes of the former release read it and find the migrations that they know, no more.
/// </remarks>
static class SchemaJournal
{
    public const string Schema = "public";
    public const string TableName = "control_schema_versions";
    public const string Table = $"{Schema}.{TableName}";

    /// <returns>Names of the migrations that the database has run, whichever migrator ran them.</returns>
    public static async Task<IReadOnlyList<string>> ReadAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        if (await ExistsAsync(connection, Table, ct))
        {
            return await connection.QueryAsync($"select scriptname from {Table}", row => row.GetString(0), ct);
        }

        return await ExistsAsync(connection, FormerTable, ct)
            ? await connection.QueryAsync($"select name from {FormerTable}", row => row.GetString(0), ct)
            : [];
    }

    /// <summary>Creates the journals of migrations and functions, with the rows of the former migrator's, all or nothing. Does nothing when they exist.</summary>
    public static async Task CreateAsync(IJournal journal, NpgsqlConnection connection, CancellationToken ct)
    {
        if (await ExistsAsync(connection, Table, ct))
        {
            return;
        }

        await using var transaction = await connection.BeginTransactionAsync(ct);
        journal.EnsureTableExistsAndIsLatestVersion(connection.CreateCommand);
        if (await ExistsAsync(connection, FormerTable, ct))
        {
            await connection.ExecuteAsync(CopyFormer, ct);
        }

        await connection.ExecuteAsync(SqlFunctions.CreateTable, ct);
        await connection.ExecuteAsync($"grant select on {Table}, {SqlFunctions.Table} to public", ct);
        await transaction.CommitAsync(ct);
    }

    static Task<bool> ExistsAsync(NpgsqlConnection connection, string table, CancellationToken ct) =>
        connection.ScalarAsync<bool>("select to_regclass($1) is not null", ct, table);

    const string FormerTable = "public.control_migration";

    const string CopyFormer = $"""
        insert into {Table} (scriptname, applied) select name, applied_at at time zone 'UTC' from {FormerTable} order by number
        """;
}
