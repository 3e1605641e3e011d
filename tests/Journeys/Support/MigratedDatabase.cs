using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace ControlPlane.Tests.Support;

/// <summary>A database that a test migrates itself.</summary>
sealed class MigratedDatabase : IAsyncDisposable
{
    static readonly ControlPlaneOptions Options = new() { Domain = "localhost", PublicUrl = new("http://localhost"), DataDirectory = "" };

    readonly ControlDatabase _database;

    MigratedDatabase(string connectionString) => (ConnectionString, _database) = (connectionString, new ControlDatabase(connectionString));

    public string ConnectionString { get; }

    public static async Task<MigratedDatabase> NewAsync() => new(await TestCluster.NewEmptyDatabaseAsync());

    /// <summary>As a process of its own does: with its own connections.</summary>
    public async Task<IReadOnlyList<string>> MigrateAsync(
        IReadOnlyList<SchemaScript>? migrations = null, IReadOnlyList<SchemaScript>? functions = null, CancellationToken ct = default)
    {
        await using var database = new ControlDatabase(ConnectionString);
        return await new Migrator(database, Options, NullLogger<Migrator>.Instance)
            .RunAsync(migrations ?? SchemaScripts.Migrations, functions ?? SchemaScripts.Functions, ct);
    }

    /// <summary>As the migrator of releases up to 0.1 did it.</summary>
    /// <param name="count">How many of the migrations.</param>
    public async Task MigrateAsBeforeAsync(int count)
    {
        await using var connection = await _database.OpenOwnerAsync(default);
        await connection.ExecuteAsync(
            "create table if not exists public.control_migration (number int primary key, name text not null, applied_at timestamptz not null default now())", default);
        await connection.ExecuteAsync("grant select on public.control_migration to public", default);
        for (var number = 1; number <= count; number++)
        {
            var (name, sql) = SchemaScripts.Migrations[number - 1];
            await using var transaction = await connection.BeginTransactionAsync();
            await connection.ExecuteAsync("select set_config('app.region', 'local', true)", default);
            await using (var script = new NpgsqlCommand(sql, connection, transaction))
            {
                await script.ExecuteNonQueryAsync();
            }

            await connection.ExecuteAsync("insert into public.control_migration (number, name) values ($1, $2)", default, number, name);
            await transaction.CommitAsync();
        }
    }

    public async Task ExecuteAsync(string sql, params List<object?> args)
    {
        await using var connection = await _database.OpenOwnerAsync(default);
        await connection.ExecuteAsync(sql, default, [.. args]);
    }

    /// <returns>The rows of a query with one column of text.</returns>
    public async Task<List<string>> ReadAsync(string sql)
    {
        await using var connection = await _database.OpenOwnerAsync(default);
        return await connection.QueryAsync(sql, row => row.GetString(0), default);
    }

    public async Task<IReadOnlyList<string>> ReadMissingAsync()
    {
        await using var transaction = await _database.BeginAnonymousAsync(default);
        return await SchemaScripts.ReadMissingAsync(transaction, default);
    }

    public async ValueTask DisposeAsync()
    {
        await _database.DisposeAsync();
        await TestCluster.DropAsync(ConnectionString);
    }
}
