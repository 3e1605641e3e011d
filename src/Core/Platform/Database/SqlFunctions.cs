using System.Security.Cryptography;
using System.Text;
using Npgsql;

namespace ControlPlane.Platform.Database;

/// <summary>Creates the SQL functions whose text has changed since they were last created.</summary>
static class SqlFunctions
{
    public const string Table = "public.control_function_versions";

    /// <summary>All of the changed ones, or none.</summary>
    /// <returns>Their names.</returns>
    public static async Task<IReadOnlyList<string>> CreateAsync(NpgsqlConnection connection, IReadOnlyList<SchemaScript> functions, CancellationToken ct)
    {
        var created = await connection.QueryAsync($"select name, sha256 from {Table}", row => (Name: row.GetString(0), Hash: row.GetString(1)), ct);
        var changed = functions.Where(function => !created.Contains((function.Name, HashOf(function))))
            .OrderBy(function => function.Name, StringComparer.Ordinal).ToList();
        if (changed.Count == 0)
        {
            return [];
        }

        await using var transaction = await connection.BeginTransactionAsync(ct);
        // The owner of a function has to be allowed to create it.
        await connection.ExecuteAsync("grant create on schema control to control_job", ct);
        // Unchecked first, so that they may call each other in any order, and then checked.
        foreach (var check in (string[])["off", "on"])
        {
            await connection.ExecuteAsync($"set local check_function_bodies = {check}", ct);
            foreach (var function in changed)
            {
                await using var script = new NpgsqlCommand(function.Sql, connection, transaction);
                await script.ExecuteNonQueryAsync(ct);
            }
        }

        await connection.ExecuteAsync("revoke create on schema control from control_job", ct);
        foreach (var function in changed)
        {
            await connection.ExecuteAsync(Record, ct, function.Name, HashOf(function));
        }

        await transaction.CommitAsync(ct);
        return [.. changed.Select(function => function.Name)];
    }

    static string HashOf(SchemaScript function) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(function.Sql)));

    /// <summary>For the transaction that creates the journal of the migrations.</summary>
    public const string CreateTable = $"create table {Table} (name text primary key, sha256 text not null, created_at timestamptz not null)";

    const string Record = $"""
        insert into {Table} (name, sha256, created_at) values ($1, $2, now())
        on conflict (name) do update set sha256 = excluded.sha256, created_at = excluded.created_at
        """;
}
