using System.Diagnostics;
using System.Globalization;

namespace ControlPlane.Local.Postgres;

/// <summary>The files of one PostgreSQL cluster, and how a server is started on them.</summary>
/// <param name="folder">Also the prefix of the temporary files beside it.</param>
sealed class Cluster(string folder, ClusterUser user)
{
    const string OurSettings = "controlplane.conf";
    static readonly TimeSpan OrphanTimeout = TimeSpan.FromSeconds(30);

    public string Folder => folder;

    string Log => Path.Combine(folder, "server.log");
    string PidFile => Path.Combine(folder, "postmaster.pid");

    public bool Exists => File.Exists(Path.Combine(folder, OurSettings));

    /// <summary>The major version that created the cluster; null when there is none.</summary>
    public int? Version => Exists ? int.Parse(File.ReadAllText(Path.Combine(folder, "PG_VERSION")), CultureInfo.InvariantCulture) : null;

    /// <summary>Socket folder of the server that runs on this cluster; null when none does.</summary>
    public string? SocketFolderInUse => File.Exists(PidFile) && File.ReadAllLines(PidFile) is [_, _, _, _, var socket, _, _, var status] && status.Trim() == "ready" ? socket : null;

    /// <summary>Creates the cluster next to its final path and moves it there once complete, so that a killed attempt leaves nothing behind.</summary>
    /// <exception cref="CommandFailedException">The path holds something else, or initdb fails.</exception>
    public async Task InitializeAsync(PostgresBinaries binaries, string login, string password, bool durable, CancellationToken ct)
    {
        if (Directory.Exists(folder))
        {
            throw new CommandFailedException($"{folder} exists but holds no database of this program: move it away, or choose another folder with --data.");
        }

        var (unfinished, passwordFile) = (folder + ".new", folder + ".new-password");
        await RemoveAsync(unfinished, passwordFile);
        Directory.CreateDirectory(unfinished);
        PrivateFile.WriteNew(passwordFile, password);
        await user.ChangeOwnerAsync(unfinished, ct);
        await user.ChangeOwnerAsync(passwordFile, ct);
        string[] options =
        [
            "--pgdata", unfinished, "--username", login, "--pwfile", passwordFile, "--auth", "scram-sha-256", "--encoding", "UTF8",
            "--locale", OperatingSystem.IsLinux() ? "C.UTF-8" : "C", "--data-checksums", .. durable ? Array.Empty<string>() : ["--no-sync"],
        ];
        var initialized = await user.Command([binaries.Program("initdb"), .. options]).RunAsync(ct);
        if (!initialized.Succeeded)
        {
            await RemoveAsync(unfinished, passwordFile);
            throw new CommandFailedException($"Cannot create a database in {folder}: {initialized.ErrorLine}");
        }

        await File.AppendAllTextAsync(Path.Combine(unfinished, "postgresql.conf"), $"include '{OurSettings}'\n", ct);
        await File.WriteAllTextAsync(Path.Combine(unfinished, OurSettings), "", ct);
        Directory.Move(unfinished, folder);
        await RemoveAsync(passwordFile);
    }

    // rm rather than Directory.Delete: it also removes files of another user, and ignores missing paths.
    static async Task RemoveAsync(params string[] paths) => await new ExternalCommand(["rm", "-rf", "--", .. paths]).RunAsync(CancellationToken.None);

    public async Task<RunningCluster> StartAsync(PostgresBinaries binaries, bool durable, CancellationToken ct)
    {
        await StopOrphanAsync(binaries, ct);
        // A short path of its own: a socket path has at most 107 characters, and the data folder may be deeply nested.
        var socket = Directory.CreateTempSubdirectory("controlplane-");
        await user.ChangeOwnerAsync(socket.FullName, ct);
        await File.WriteAllTextAsync(Path.Combine(folder, OurSettings), Settings(socket.FullName, durable), ct);
        await user.ChangeOwnerAsync(Path.Combine(folder, OurSettings), ct);
        File.Delete(Log);
        var started = await user.Command(binaries.Program("pg_ctl"), "start", "--pgdata", folder, "--log", Log, "--wait", "--timeout", "120", "--silent").RunAsync(ct);
        if (!started.Succeeded)
        {
            var failure = File.Exists(Log) ? new ExternalCommand.Outcome(1, await File.ReadAllTextAsync(Log, ct)) : started;
            socket.Delete(recursive: true);
            throw new CommandFailedException($"PostgreSQL does not start: {failure.ErrorLine} ({Log})");
        }

        var server = int.Parse(File.ReadLines(PidFile).First(), CultureInfo.InvariantCulture);
        return RunningCluster.Watch(user, server, () => File.Exists(PidFile) && IsOurs(server), socket.FullName);
    }

    // This process holds the lock of the data folder, so a server still running on it was left behind by a killed process, or its watchdog is stopping it.
    async Task StopOrphanAsync(PostgresBinaries binaries, CancellationToken ct)
    {
        if (!File.Exists(PidFile))
        {
            return;
        }

        if (int.TryParse(File.ReadLines(PidFile).FirstOrDefault(), CultureInfo.InvariantCulture, out var server) && IsOurs(server))
        {
            await user.Command(binaries.Program("pg_ctl"), "stop", "--pgdata", folder, "--mode", "fast", "--wait", "--timeout", "60", "--silent").RunAsync(ct);
            return;
        }

        // The child processes of a killed server live on for a moment and still write to its files.
        var waiting = Stopwatch.GetTimestamp();
        while (AnyProcessWorksIn(folder) && Stopwatch.GetElapsedTime(waiting) < OrphanTimeout)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), ct);
        }

        if (!AnyProcessWorksIn(folder))
        {
            // The process id may have been reused by an unrelated process, which would keep the server from starting.
            File.Delete(PidFile);
        }
    }

    bool IsOurs(int server)
    {
        try
        {
            using var process = Process.GetProcessById(server);
            return process.ProcessName.StartsWith("postgres", StringComparison.Ordinal) && (!OperatingSystem.IsLinux() || WorksIn($"/proc/{server}", folder));
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            return false;
        }
    }

    static bool AnyProcessWorksIn(string folder) =>
        OperatingSystem.IsLinux() && Directory.EnumerateDirectories("/proc").Any(process => char.IsAsciiDigit(process[^1]) && WorksIn(process, folder));

    // Every server process has the cluster folder as its working directory; a zombie has none.
    static bool WorksIn(string process, string folder)
    {
        try
        {
            return Directory.ResolveLinkTarget($"{process}/cwd", returnFinalTarget: false)?.FullName == folder;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    // Log lines name tables and constraints but no values, which may be email addresses.
    static string Settings(string socketFolder, bool durable) => $"""
        listen_addresses = ''
        unix_socket_directories = '{socketFolder}'
        unix_socket_permissions = 0700
        port = {RunningCluster.Port}
        max_connections = {(durable ? 250 : 500)}
        fsync = {(durable ? "on" : "off")}
        full_page_writes = {(durable ? "on" : "off")}
        synchronous_commit = {(durable ? "on" : "off")}
        timezone = 'UTC'
        log_checkpoints = off
        log_min_messages = error
        log_min_error_statement = panic
        log_error_verbosity = terse

        """;
}
