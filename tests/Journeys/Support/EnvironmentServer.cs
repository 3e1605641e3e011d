using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using CliWrap;
using Npgsql;

namespace ControlPlane.Tests.Support;

/// <summary>The database servers of environments, started when they are provisioned.</summary>
sealed class EnvironmentServers : IAsyncDisposable
{
    readonly ConcurrentDictionary<Guid, EnvironmentServer> _servers = [];

    public EnvironmentServer Of(Guid tenant) => _servers[tenant];

    public async Task<string> StartAsync(Guid tenant, IReadOnlyDictionary<string, string> secrets)
    {
        if (!_servers.ContainsKey(tenant))
        {
            _servers[tenant] = await EnvironmentServer.StartAsync(secrets);
        }

        return "started";
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers.Values)
        {
            await server.DisposeAsync();
        }
    }
}

/// <summary>The database server of one environment, started by the script that its container runs, with the programs of this machine.</summary>
sealed class EnvironmentServer : IAsyncDisposable
{
    static readonly TimeSpan StartTimeout = TimeSpan.FromMinutes(2);

    readonly ClusterUser _user;
    readonly string _programs;
    readonly IReadOnlyDictionary<string, string> _secrets;
    readonly int _port = FreePort.Find();
    readonly StringBuilder _log = new();
    CommandTask<CommandResult>? _server;
    RunningCluster? _watched;

    EnvironmentServer(ClusterUser user, string programs, IReadOnlyDictionary<string, string> secrets) => (_user, _programs, _secrets) = (user, programs, secrets);

    public string Folder { get; } = Directory.CreateTempSubdirectory("environment-").FullName;

    /// <summary>What the server wrote to its log, once it has ended.</summary>
    public string Log => _log.ToString();

    string Cluster => Path.Combine(Folder, "cluster");

    public static async Task<EnvironmentServer> StartAsync(IReadOnlyDictionary<string, string> secrets)
    {
        var user = await ClusterUser.ChooseAsync(CancellationToken.None);
        var server = new EnvironmentServer(user, (await PostgresBinaries.FindAsync(user, CancellationToken.None))[0].Folder, secrets);
        foreach (var file in (string[])["start.sh", "logins.sql"])
        {
            File.Copy(Path.Combine(AppContext.BaseDirectory, "postgres", file), Path.Combine(server.Folder, file));
        }

        await user.ChangeOwnerAsync(server.Folder, CancellationToken.None);
        await server.StartAsync();
        return server;
    }

    public async Task StartAsync()
    {
        string[] command =
        [
            "env", $"PATH={_programs}:{Environment.GetEnvironmentVariable("PATH")}", $"PGDATA={Cluster}", $"TMPDIR={Folder}",
            $"DATABASE_PASSWORD={_secrets[SecretNames.DatabasePassword]}", $"GATEWAY_DATABASE_PASSWORD={_secrets[SecretNames.GatewayDatabasePassword]}",
            "sh", Path.Combine(Folder, "start.sh"), "-c", "fsync=off", "-c", $"port={_port}", "-c", "listen_addresses=127.0.0.1", "-c", $"unix_socket_directories={Folder}",
        ];
        _server = Create([.. _user.Prefix, .. command]).WithStandardErrorPipe(PipeTarget.ToStringBuilder(_log)).ExecuteAsync();
        using var deadline = new CancellationTokenSource(StartTimeout);
        // As the health check of the container.
        while (!(await _user.Command(Path.Combine(_programs, "pg_isready"), "--host", Folder, "--port", $"{_port}").RunAsync(deadline.Token)).Succeeded)
        {
            Assert.False(_server.Task.IsCompleted, $"The server has ended: {_log}");
            await Task.Delay(50, deadline.Token);
        }

        // The server must end with the test process.
        _watched = RunningCluster.Watch(
            _user, int.Parse(File.ReadLines(Path.Combine(Cluster, "postmaster.pid")).First(), CultureInfo.InvariantCulture), () => false, socketFolder: "");
    }

    /// <summary>Ends the server as when its container is stopped.</summary>
    public async Task StopAsync()
    {
        await (_watched?.DisposeAsync() ?? ValueTask.CompletedTask);
        _watched = null;
        await (_server?.Task ?? Task.CompletedTask);
    }

    /// <summary>Connects over the network.</summary>
    public async Task<NpgsqlConnection> ConnectAsync(string login, string password, string database = TenantEnvironment.DatabaseName)
    {
        var connection = new NpgsqlConnection(
            new NpgsqlConnectionStringBuilder { Host = "127.0.0.1", Port = _port, Username = login, Password = password, Database = database, Pooling = false }.ToString());
        await connection.OpenAsync();
        return connection;
    }

    /// <summary>Runs a program beside the server.</summary>
    /// <exception cref="StepFailedException">It failed.</exception>
    public async Task<string> RunAsync(IReadOnlyList<string> command, PipeSource input, CancellationToken ct)
    {
        var (output, errors) = (new StringBuilder(), new StringBuilder());
        var result = await Create([Path.Combine(_programs, command[0]), .. command.Skip(1)])
            .WithEnvironmentVariables(variables => variables.Set("PGHOST", Folder).Set("PGPORT", _port.ToString(CultureInfo.InvariantCulture)))
            .WithStandardInputPipe(input)
            .WithStandardOutputPipe(PipeTarget.ToStringBuilder(output))
            .WithStandardErrorPipe(PipeTarget.ToStringBuilder(errors))
            .ExecuteAsync(ct);
        return result.ExitCode == 0 ? output.ToString() : throw new StepFailedException($"{command[0]} exited with {result.ExitCode}: {errors}");
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        Directory.Delete(Folder, recursive: true);
    }

    static Command Create(IReadOnlyList<string> words) =>
        Cli.Wrap(words[0]).WithArguments(words.Skip(1)).WithWorkingDirectory("/").WithValidation(CommandResultValidation.None);
}
