using System.Diagnostics;
using System.Globalization;

namespace ControlPlane.Local.Postgres;

/// <summary>A running server and its watchdog: a process that stops the server as soon as the watchdog's input closes, which also happens when
/// this process is killed.</summary>
sealed class RunningCluster : IAsyncDisposable
{
    /// <summary>Only part of the socket's name: the server does not listen on the network.</summary>
    public const int Port = 5432;

    // Ctrl-C reaches every process of the terminal; the server must outlive our last request.
    const string StopOnEndOfInput = "trap '' INT TERM HUP; read -r _; kill -INT \"$1\"";

    static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(60);

    readonly Process _watchdog;
    readonly Func<bool> _isRunning;

    RunningCluster(Process watchdog, Func<bool> isRunning, string socketFolder) => (_watchdog, _isRunning, SocketFolder) = (watchdog, isRunning, socketFolder);

    public string SocketFolder { get; }

    /// <param name="server">Its process id.</param>
    /// <param name="isRunning">Whether the server is still running.</param>
    public static RunningCluster Watch(ClusterUser user, int server, Func<bool> isRunning, string socketFolder)
    {
        var watchdog = user.Command("sh", "-c", StopOnEndOfInput, "sh", server.ToString(CultureInfo.InvariantCulture)).Start();
        return new RunningCluster(watchdog, isRunning, socketFolder);
    }

    public async ValueTask DisposeAsync()
    {
        _watchdog.StandardInput.Close();
        var started = Stopwatch.GetTimestamp();
        while (_isRunning() && Stopwatch.GetElapsedTime(started) < StopTimeout)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20));
        }

        await _watchdog.WaitForExitAsync();
        _watchdog.Dispose();
        if (Directory.Exists(SocketFolder))
        {
            Directory.Delete(SocketFolder, recursive: true);
        }
    }
}
