using Npgsql;

namespace ControlPlane.Local.Postgres;

/// <summary>
/// A PostgreSQL server of our own in the data folder, reached over a Unix socket. It ends with this process: cleanly when disposed, and
/// within moments when this process is killed.
/// </summary>
public sealed class EmbeddedPostgres : IAsyncDisposable
{
    const string Login = "controlplane";
    const string DatabaseName = "controlplane";
    readonly RunningCluster? _running;

    EmbeddedPostgres(string connectionString, RunningCluster? running) => (ConnectionString, _running) = (connectionString, running);

    /// <summary>Npgsql connection string of the cluster's superuser. Holds a password.</summary>
    public string ConnectionString { get; }

    /// <summary>Starts the server, installing PostgreSQL and making the cluster when they are not there yet.</summary>
    /// <param name="data">Must be owned by this process.</param>
    /// <param name="durable">False for tests: nothing is forced to disk.</param>
    /// <param name="say">Told, in one line each, about what takes long or lies elsewhere than expected.</param>
    /// <exception cref="CannotStartException">The message says what to do.</exception>
    public static async Task<EmbeddedPostgres> StartAsync(DataDirectory data, bool durable, Action<string> say, CancellationToken ct)
    {
        if (OperatingSystem.IsWindows())
        {
            throw new CannotStartException("PostgreSQL is started for you on Linux and macOS only: give --database.");
        }

        var user = await ClusterUser.ChooseAsync(ct);
        var cluster = new Cluster(await HomeAsync(data, user, say, ct), user);
        var binaries = await BinariesAsync(cluster, user, say, ct);
        var passwordFile = data.At("postgres.password");
        if (!cluster.Exists)
        {
            await cluster.InitializeAsync(binaries, Login, NewPassword(passwordFile), durable, ct);
        }

        var running = await cluster.StartAsync(binaries, durable, ct);
        try
        {
            var connection = Connection(running.SocketFolder, passwordFile);
            await MakeDatabaseAsync(connection, ct);
            return new EmbeddedPostgres(connection, running);
        }
        catch
        {
            await running.DisposeAsync();
            throw;
        }
    }

    /// <summary>The server that another process runs in this folder; this process leaves it running.</summary>
    public static EmbeddedPostgres Join(DataDirectory data) =>
        new Cluster(data.At("postgres"), ClusterUser.Ourselves).SocketFolderInUse is { } socket
            ? new EmbeddedPostgres(Connection(socket, data.At("postgres.password")), running: null)
            : throw new CannotStartException($"{data.Path} is in use by a process that is starting or stopping: try again in a few seconds.");

    public async ValueTask DisposeAsync()
    {
        if (_running is not null)
        {
            await _running.DisposeAsync();
        }
    }

    static async Task<PostgresBinaries> BinariesAsync(Cluster cluster, ClusterUser user, Action<string> say, CancellationToken ct)
    {
        var installer = new PostgresInstaller(user, say);
        var found = await PostgresBinaries.FindAsync(user, ct);
        if (await installer.FromEarlierAsync(ct) is { } earlier)
        {
            found = [.. found, earlier];
        }

        if (cluster.Version is { } version)
        {
            return found.FirstOrDefault(binaries => binaries.Version == version)
                ?? throw new CannotStartException(
                    $"The database in {cluster.Folder} was made by PostgreSQL {version}, which is not here any more: install postgresql-{version}, or choose another --data.");
        }

        return found is [var first, ..] ? first : await installer.InstallAsync(ct);
    }

    // The server's user has to get at the cluster. When the data folder lies where only root may go, a link in it leads to a place
    // that both can reach.
    static async Task<string> HomeAsync(DataDirectory data, ClusterUser user, Action<string> say, CancellationToken ct)
    {
        var home = data.At("postgres");
        if (new FileInfo(home).LinkTarget is { } elsewhere)
        {
            return elsewhere;
        }

        if (Directory.Exists(home) || await user.MayEnterAsync(data.Path, ct))
        {
            return home;
        }

        Directory.CreateDirectory("/var/lib/controlplane");
        var reachable = $"/var/lib/controlplane/postgres-{Credentials.New()[..12]}";
        Directory.CreateSymbolicLink(home, reachable);
        say($"The user {user.Name} may not enter {data.Path}, so the database lies in {reachable}.");
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

    static async Task MakeDatabaseAsync(string connectionString, CancellationToken ct)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString) { Database = "postgres", Pooling = false };
        await using var connection = new NpgsqlConnection(settings.ToString());
        await connection.OpenAsync(ct);
        if (!await connection.ScalarAsync<bool>("select true from pg_database where datname = $1", ct, DatabaseName))
        {
            await connection.ExecuteAsync($"create database {DatabaseName}", ct);
        }
    }
}
