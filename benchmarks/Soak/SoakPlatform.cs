using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using Npgsql;

namespace ControlPlane.Benchmarks.Soak;

/// <summary>The platform under test: PostgreSQL behind a relay, and the server in its own process with its data on a small disk.</summary>
sealed class SoakPlatform : IAsyncDisposable
{
    const string OperatorKey = "cpo_soak-only-on-a-temporary-database";

    readonly string _folder;
    readonly DataDirectory _database;
    readonly DatabaseRelay _relay;
    readonly StreamWriter _log;
    EmbeddedPostgres _postgres;
    Process? _server;

    SoakPlatform(string folder, DataDirectory database, EmbeddedPostgres postgres, SmallDisk disk, string log)
    {
        (_folder, _database, _postgres, Disk) = (folder, database, postgres, disk);
        _relay = new DatabaseRelay { Server = SocketOf(postgres) };
        _log = new StreamWriter(log) { AutoFlush = true };
        var port = FreePort();
        Http = new HttpClient(new SocketsHttpHandler { UseCookies = false }) { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = TimeSpan.FromSeconds(30) };
        Operator = new HttpClient { BaseAddress = Http.BaseAddress, Timeout = TimeSpan.FromMinutes(15) };
        Operator.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", OperatorKey);
    }

    /// <summary>Without a key.</summary>
    public HttpClient Http { get; }
    public HttpClient Operator { get; }

    /// <summary>The folder of mail, spool and rendered environments.</summary>
    public SmallDisk Disk { get; }
    public DatabaseRelay Relay => _relay;

    /// <summary>The superuser, past the relay.</summary>
    public string ConnectionString => _postgres.ConnectionString;

    /// <summary>When the running server process was started.</summary>
    public long ServerStarted { get; private set; }

    /// <summary>Resident memory of the server in MB; null while it is not running.</summary>
    public double? ServerMegabytes
    {
        get
        {
            try
            {
                _server?.Refresh();
                return _server is { HasExited: false } ? _server.WorkingSet64 / 1e6 : null;
            }
            catch (InvalidOperationException)
            {
                return null;
            }
        }
    }

    /// <param name="log">File for the server's log.</param>
    public static async Task<SoakPlatform> StartAsync(string log, CancellationToken ct)
    {
        var folder = Directory.CreateTempSubdirectory("controlplane-soak-").FullName;
        var database = DataDirectory.Open(Path.Combine(folder, "database"));
        database.TryLock();
        var postgres = await EmbeddedPostgres.StartAsync(database, durable: true, Console.WriteLine, ct);
        var platform = new SoakPlatform(folder, database, postgres, await SmallDisk.CreateAsync(Path.Combine(folder, "data"), ct), log);
        try
        {
            await platform.StartServerAsync(ct);
            return platform;
        }
        catch
        {
            await platform.DisposeAsync();
            throw;
        }
    }

    public async Task StartServerAsync(CancellationToken ct)
    {
        var start = new ProcessStartInfo("dotnet", [typeof(SoakPlatform).Assembly.Location, "serve", "--port", Http.BaseAddress!.Port.ToString(CultureInfo.InvariantCulture)])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        var database = new NpgsqlConnectionStringBuilder(ConnectionString) { Host = "127.0.0.1", Port = _relay.Port };
        foreach (var (name, value) in new (string, string)[]
        {
            ("CONTROLPLANE_DATABASE", database.ToString()), ("CONTROLPLANE_DATA", Disk.Path), ("CONTROLPLANE_SANDBOX", "true"),
            ("CONTROLPLANE_PUBLIC_URL", Http.BaseAddress.ToString()), ("CONTROLPLANE_OPERATOR_KEY", OperatorKey), ("CONTROLPLANE_DATAPLANE", "render"),
        })
        {
            start.Environment[name] = value;
        }

        var ready = new TaskCompletionSource();
        _server = new Process { StartInfo = start, EnableRaisingEvents = true };
        _server.Exited += (_, _) => ready.TrySetException(new InvalidOperationException("The server did not start: see its log."));
        _server.OutputDataReceived += (_, line) => _ = line.Data == "ready" && ready.TrySetResult();
        _server.ErrorDataReceived += (_, line) => WriteLog(line.Data);
        _server.Start();
        _server.BeginOutputReadLine();
        _server.BeginErrorReadLine();
        ServerStarted = Stopwatch.GetTimestamp();
        await ready.Task.WaitAsync(TimeSpan.FromMinutes(2), ct);
    }

    /// <summary>SIGKILL.</summary>
    public async Task KillServerAsync()
    {
        _server!.Kill();
        await _server.WaitForExitAsync();
        _server.Dispose();
        _server = null;
    }

    /// <summary>SIGKILL to the postmaster.</summary>
    public async Task KillDatabaseAsync()
    {
        var pid = int.Parse(File.ReadLines(Path.Combine(_database.At("postgres"), "postmaster.pid")).First(), CultureInfo.InvariantCulture);
        using var postmaster = Process.GetProcessById(pid);
        postmaster.Kill();
        await postmaster.WaitForExitAsync();
    }

    public async Task RestartDatabaseAsync(CancellationToken ct)
    {
        await _postgres.DisposeAsync();
        _postgres = await EmbeddedPostgres.StartAsync(_database, durable: true, Console.WriteLine, ct);
        _relay.Server = SocketOf(_postgres);
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            await KillServerAsync();
        }

        Http.Dispose();
        Operator.Dispose();
        await _relay.DisposeAsync();
        await _postgres.DisposeAsync();
        await Disk.DisposeAsync();
        var cluster = new DirectoryInfo(_database.At("postgres"));
        _database.Dispose();
        if (cluster.LinkTarget is { } target)
        {
            Directory.Delete(target, recursive: true);
        }

        Directory.Delete(_folder, recursive: true);
        lock (_log)
        {
            _log.Dispose();
        }
    }

    void WriteLog(string? line)
    {
        lock (_log)
        {
            if (line is not null && _log.BaseStream is not null)
            {
                _log.WriteLine(line);
            }
        }
    }

    static UnixDomainSocketEndPoint SocketOf(EmbeddedPostgres postgres)
    {
        var settings = new NpgsqlConnectionStringBuilder(postgres.ConnectionString);
        return new UnixDomainSocketEndPoint($"{settings.Host}/.s.PGSQL.{settings.Port}");
    }

    static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
