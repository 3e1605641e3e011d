using Npgsql;

namespace ControlPlane.Local.Postgres;

/// <summary>
/// A PostgreSQL server in the data folder, reached over a Unix socket. It ends with this process: cleanly when disposed, and within a second or so
/// when this process is killed.
/// </summary>
public sealed class EmbeddedPostgres : IAsyncDisposable
{
    const string Login = "controlplane";
    const string DatabaseName = "controlplane";
    readonly RunningCluster? _running;

    EmbeddedPostgres(string connectionString, RunningCluster? running) => (ConnectionString, _running) = (connectionString, running);

    /// <summary>Npgsql connection string of the cluster's superuser. Holds a password.</summary>
    public string ConnectionString { get; }

    /// <summary>Starts the server; installs PostgreSQL and creates the cluster first when they are missing.</summary>
    /// <param name="data">Must be owned by this process.</param>
    /// <param name="durable">False for tests: no fsync.</param>
    /// <param name="report">Receives one line for every slow step and for every unexpected location.</param>
    /// <exception cref="CommandFailedException">The message says what to do.</exception>
    public static async Task<EmbeddedPostgres> StartAsync(DataDirectory data, bool durable, Action<string> report, CancellationToken ct)
    {
        if (OperatingSystem.IsWindows())
        {
            throw new CommandFailedException("The embedded PostgreSQL runs on Linux and macOS only: use --database.");
        }

        var user = await ClusterUser.ChooseAsync(ct);
        var cluster = new Cluster(await ClusterFolderAsync(data, user, report, ct), user);
        var binaries = await BinariesAsync(cluster, user, report, ct);
        var passwordFile = data.At("postgres.password");
        if (!cluster.Exists)
        {
            await cluster.InitializeAsync(binaries, Login, NewPassword(passwordFile), durable, ct);
        }

        var running = await cluster.StartAsync(binaries, durable, ct);
        try
        {
            var connection = Connection(running.SocketFolder, passwordFile);
            await CreateDatabaseAsync(connection, ct);
            return new EmbeddedPostgres(connection, running);
        }
        catch
        {
            await running.DisposeAsync();
            throw;
        }
    }

    /// <summary>The server that another process runs in this folder; it keeps running after this process ends.</summary>
    public static EmbeddedPostgres Join(DataDirectory data) =>
        new Cluster(data.At("postgres"), ClusterUser.Current).SocketFolderInUse is { } socket
            ? new EmbeddedPostgres(Connection(socket, data.At("postgres.password")), running: null)
            : throw new CommandFailedException($"{data.Path} is in use by a process that is starting or stopping: try again in a few seconds.");

    public async ValueTask DisposeAsync()
    {
        if (_running is not null)
        {
            await _running.DisposeAsync();
        }
    }

    static async Task<PostgresBinaries> BinariesAsync(Cluster cluster, ClusterUser user, Action<string> report, CancellationToken ct)
    {
        var installer = new PostgresInstaller(user, report);
        var found = await PostgresBinaries.FindAsync(user, ct);
        if (await installer.FindDownloadedAsync(ct) is { } downloaded)
        {
            found = [.. found, downloaded];
        }

        if (cluster.Version is { } version)
        {
            return found.FirstOrDefault(binaries => binaries.Version == version)
                ?? throw new CommandFailedException(
                    $"The database in {cluster.Folder} was created by PostgreSQL {version}, which is no longer installed: install postgresql-{version}, or choose another folder with --data.");
        }

        return found is [var first, ..] ? first : await installer.InstallAsync(ct);
    }

    // The server's user must be able to reach the cluster. When the data folder is in a place that only root can enter, a link in it leads to one
    // that both can.
    static async Task<string> ClusterFolderAsync(DataDirectory data, ClusterUser user, Action<string> report, CancellationToken ct)
    {
        var home = data.At("postgres");
        if (new FileInfo(home).LinkTarget is { } target)
        {
            return target;
        }

        if (Directory.Exists(home) || await user.CanEnterAsync(data.Path, ct))
        {
            return home;
        }

        Directory.CreateDirectory("/var/lib/controlplane");
        var reachable = $"/var/lib/controlplane/postgres-{Credentials.New()[..12]}";
        Directory.CreateSymbolicLink(home, reachable);
        report($"The user {user.Name} cannot enter {data.Path}, so the database is stored in {reachable}.");
        return reachable;
    }

    static string NewPassword(string file)
    {
        var password = Credentials.New();
        File.Delete(file);
        PrivateFile.WriteNew(file, password);
        return password;
    }

    static string Connection(string socketFolder, string passwordFile) =>
        new NpgsqlConnectionStringBuilder
        {
            Host = socketFolder,
            Port = RunningCluster.Port,
            Username = Login,
            Password = File.ReadAllText(passwordFile),
            Database = DatabaseName,
        }.ToString();

    static async Task CreateDatabaseAsync(string connectionString, CancellationToken ct)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString) { Database = "postgres", Pooling = false };
        await using var connection = new NpgsqlConnection(settings.ToString());
        await connection.OpenAsync(ct);
        if (!await connection.ScalarAsync<bool>("select true from pg_database where datname = $1", ct, DatabaseName))
        {
            await connection.ExecuteAsync($"create database {DatabaseName}", ct);
        }

        // Environments' logins connect to their own databases only.
        await connection.ExecuteAsync("revoke connect on database postgres, template1 from public", ct);
    }
}
