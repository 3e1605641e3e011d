using System.Diagnostics;
using System.Globalization;

namespace ControlPlane.Local.Postgres;

/// <summary>The files of one PostgreSQL cluster, and how a server is started on them.</summary>
/// <param name="folder">Also the beginning of the names of what lies beside it.</param>
sealed class Cluster(string folder, ClusterUser user)
{
    const string OurSettings = "controlplane.conf";
    static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30);

    public string Folder => folder;

    string Log => Path.Combine(folder, "server.log");
    string PidFile => Path.Combine(folder, "postmaster.pid");

    public bool Exists => File.Exists(Path.Combine(folder, OurSettings));

    /// <summary>The major version that made the cluster; null when there is none.</summary>
    public int? Version => Exists ? int.Parse(File.ReadAllText(Path.Combine(folder, "PG_VERSION")), CultureInfo.InvariantCulture) : null;

    /// <summary>Where the server that runs on this cluster listens; null when none does.</summary>
    public string? SocketFolderInUse => File.Exists(PidFile) && File.ReadAllLines(PidFile) is [_, _, _, _, var socket, _, _, var status] && status.Trim() == "ready" ? socket : null;

    /// <summary>Makes the cluster beside its place and moves it there when it is complete, so that a killed attempt does not count.</summary>
    /// <exception cref="CannotStartException">The place is taken by something else, or initdb fails.</exception>
    public async Task InitializeAsync(PostgresBinaries binaries, string login, string password, bool durable, CancellationToken ct)
    {
        if (Directory.Exists(folder))
        {
            throw new CannotStartException($"{folder} is there but holds no database of this program: move it away, or choose another --data.");
        }

        var (unfinished, passwordFile) = (folder + ".new", folder + ".new-password");
        await RemoveAsync(unfinished, passwordFile);
        Directory.CreateDirectory(unfinished);
        PrivateFile.WriteNew(passwordFile, password);
        await user.TakeOverAsync(unfinished, ct);
        await user.TakeOverAsync(passwordFile, ct);
        string[] options =
        [
            "--pgdata", unfinished, "--username", login, "--pwfile", passwordFile, "--auth", "scram-sha-256", "--encoding", "UTF8",
            "--locale", OperatingSystem.IsLinux() ? "C.UTF-8" : "C", "--data-checksums", .. durable ? Array.Empty<string>() : ["--no-sync"],
        ];
        var made = await user.Runs([binaries.Program("initdb"), .. options]).RunAsync(ct);
        if (!made.Succeeded)
        {
            await RemoveAsync(unfinished, passwordFile);
            throw new CannotStartException($"Cannot make a database in {folder}: {made.Complaint}");
        }

        await File.AppendAllTextAsync(Path.Combine(unfinished, "postgresql.conf"), $"include '{OurSettings}'\n", ct);
        await File.WriteAllTextAsync(Path.Combine(unfinished, OurSettings), "", ct);
        Directory.Move(unfinished, folder);
        await RemoveAsync(passwordFile);
    }

    // By the program and not by us: it may remove half of what belongs to another user, and does not mind what is not there.
    static async Task RemoveAsync(params string[] paths) => await new ExternalCommand(["rm", "-rf", "--", .. paths]).RunAsync(CancellationToken.None);

    public async Task<RunningCluster> StartAsync(PostgresBinaries binaries, bool durable, CancellationToken ct)
    {
        await StopOrphanAsync(binaries, ct);
        // A short path of its own: a socket's path has at most 107 characters, and the data folder may lie deep.
        var socket = Directory.CreateTempSubdirectory("controlplane-");
        await user.TakeOverAsync(socket.FullName, ct);
        await File.WriteAllTextAsync(Path.Combine(folder, OurSettings), Settings(socket.FullName, durable), ct);
        await user.TakeOverAsync(Path.Combine(folder, OurSettings), ct);
        File.Delete(Log);
        var started = await user.Runs(binaries.Program("pg_ctl"), "start", "--pgdata", folder, "--log", Log, "--wait", "--timeout", "120", "--silent").RunAsync(ct);
        if (!started.Succeeded)
        {
            var why = File.Exists(Log) ? new ExternalCommand.Outcome(1, await File.ReadAllTextAsync(Log, ct)) : started;
            socket.Delete(recursive: true);
            throw new CannotStartException($"PostgreSQL does not start: {why.Complaint} ({Log})");
        }

        var server = int.Parse(File.ReadLines(PidFile).First(), CultureInfo.InvariantCulture);
        return RunningCluster.Guard(user, server, () => File.Exists(PidFile) && IsOurs(server), socket.FullName);
    }

    // We own the data folder, so a server still on it was left by a process that is gone, or is just being stopped by its guard.
    async Task StopOrphanAsync(PostgresBinaries binaries, CancellationToken ct)
    {
        if (!File.Exists(PidFile))
        {
            return;
        }

        if (int.TryParse(File.ReadLines(PidFile).FirstOrDefault(), CultureInfo.InvariantCulture, out var server) && IsOurs(server))
        {
            await user.Runs(binaries.Program("pg_ctl"), "stop", "--pgdata", folder, "--mode", "fast", "--wait", "--timeout", "60", "--silent").RunAsync(ct);
            return;
        }

        // The processes of a server that was killed outlive it by moments, and still write to its files.
        var waiting = Stopwatch.GetTimestamp();
        while (AnyoneIsIn(folder) && Stopwatch.GetElapsedTime(waiting) < LongestWait)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), ct);
        }

        if (!AnyoneIsIn(folder))
        {
            // The number may meanwhile belong to a process that has nothing to do with us, which would keep the server from starting.
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

    static bool AnyoneIsIn(string folder) =>
        OperatingSystem.IsLinux() && Directory.EnumerateDirectories("/proc").Any(process => char.IsAsciiDigit(process[^1]) && WorksIn(process, folder));

    // Every process of a server works in its cluster's folder; one that has ended, but is still in the table, works nowhere.
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

    // Errors name tables and constraints but no values: those may be addresses of people.
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
