using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace ControlPlane.Tests.Support;

/// <summary>
/// One PostgreSQL server for the whole test run, with a migrated template from which each test's database is copied.
/// The server is that of CONTROLPLANE_DATABASE if set, else an embedded one that ends with the test process.
/// </summary>
static class TestCluster
{
    static readonly Lazy<Task<string>> Started = new(StartAsync);
    static readonly Lazy<Task<string>> Template = new(MigrateTemplateAsync);
    static readonly SemaphoreSlim CopyLock = new(1);

    /// <returns>Connection string of a new database with the newest schema and no tenants.</returns>
    public static async Task<string> NewDatabaseAsync()
    {
        var template = await Template.Value;
        var name = Names.Random("test");
        // PostgreSQL cannot copy a template while another copy is in progress.
        await CopyLock.WaitAsync();
        try
        {
            await ExecuteAsync($"create database {name} template {template}");
        }
        finally
        {
            CopyLock.Release();
        }

        // Privileges on the database itself are not copied.
        await ExecuteAsync($"grant create on database {name} to control_provision");
        await ExecuteAsync($"grant connect on database {name} to control_app, control_job");
        await ExecuteAsync($"grant connect on database {name} to control_provision with grant option");
        await ExecuteAsync($"revoke connect, temporary on database {name} from public");
        await ExecuteAsync($"grant temporary on database {name} to control_job");
        return await OfAsync(name);
    }

    /// <returns>Connection string of a new database without a schema.</returns>
    public static async Task<string> NewEmptyDatabaseAsync()
    {
        var name = Names.Random("empty");
        await ExecuteAsync($"create database {name}");
        return await OfAsync(name);
    }

    /// <summary>Drops the database and those of its environments.</summary>
    /// <param name="roles">Login roles that own objects in that database only.</param>
    public static async Task DropAsync(string connectionString, IReadOnlyList<string>? roles = null)
    {
        foreach (var environment in await EnvironmentDatabasesAsync(connectionString))
        {
            await ExecuteAsync($"drop database if exists {environment} with (force)");
            await ExecuteAsync($"drop role if exists {environment}, {environment}_gateway");
        }

        await ExecuteAsync($"drop database if exists {new NpgsqlConnectionStringBuilder(connectionString).Database} with (force)");
        foreach (var role in roles ?? [])
        {
            await ExecuteAsync($"drop role if exists \"{role}\"");
        }
    }

    /// <summary>Makes a database unavailable until the result is disposed: existing connections are terminated, new ones refused.</summary>
    public static async Task<IAsyncDisposable> RefuseAsync(string connectionString)
    {
        var name = new NpgsqlConnectionStringBuilder(connectionString).Database;
        await ExecuteAsync($"alter database {name} allow_connections false");
        await ExecuteAsync($"select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '{name}'");
        return new Refusal(name!);
    }

    sealed class Refusal(string name) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync() => await ExecuteAsync($"alter database {name} allow_connections true");
    }

    static async Task<List<string>> EnvironmentDatabasesAsync(string connectionString)
    {
        var name = new NpgsqlConnectionStringBuilder(connectionString).Database;
        await using var connection = new NpgsqlConnection(
            new NpgsqlConnectionStringBuilder(await Started.Value) { Database = name, Pooling = false }.ToString());
        try
        {
            await connection.OpenAsync();
            return await connection.QueryAsync("select database_name from control.environment", row => row.GetString(0), CancellationToken.None);
        }
        catch (PostgresException)
        {
            // No schema, an older one, or no such database.
            return [];
        }
    }

    static async Task<string> MigrateTemplateAsync()
    {
        var name = Names.Random("template");
        await ExecuteAsync($"create database {name}");
        await using var database = new ControlDatabase(await OfAsync(name));
        await new Migrator(database, new ControlPlaneOptions { Domain = "localhost", PublicUrl = new("http://localhost"), DataDirectory = "" }, NullLogger<Migrator>.Instance).RunAsync(CancellationToken.None);
        return name;
    }

    static async Task<string> OfAsync(string database) => new NpgsqlConnectionStringBuilder(await Started.Value) { Database = database }.ToString();

    static async Task ExecuteAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(await Started.Value) { Pooling = false }.ToString());
        await connection.OpenAsync();
        await connection.ExecuteAsync(sql, CancellationToken.None);
    }

    static async Task<string> StartAsync()
    {
        if (Environment.GetEnvironmentVariable("CONTROLPLANE_DATABASE") is { Length: > 0 } configured)
        {
            return configured;
        }

        var data = DataDirectory.Open(Path.Combine(Path.GetTempPath(), Names.Random("controlplane")));
        data.TryLock();
        var postgres = await EmbeddedPostgres.StartAsync(data, durable: false, Console.WriteLine, CancellationToken.None);
        AppDomain.CurrentDomain.ProcessExit += (_, _) =>
        {
            postgres.DisposeAsync().AsTask().GetAwaiter().GetResult();
            Directory.Delete(data.Path, recursive: true);
        };
        return postgres.ConnectionString;
    }
}
