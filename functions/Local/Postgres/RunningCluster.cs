using System.Diagnostics;
using System.Globalization;

namespace ControlPlane.Local.Postgres;

/// <summary>A running server and its guard: a process that stops it as soon as we let go of the guard's input, which also happens when
/// we are killed.</summary>
sealed class RunningCluster : IAsyncDisposable
{
    /// <summary>Only part of the socket's name; nothing listens on a network.</summary>
    public const int Port = 5432;

    // Ctrl-C reaches every process of the terminal; the server is stopped after our last request, not with it.
    const string StopWhenLetGo = "trap '' INT TERM HUP; read -r _; kill -INT \"$1\"";

    static readonly TimeSpan LongestStop = TimeSpan.FromSeconds(60);

    readonly Process _guard;
    readonly Func<bool> _isRunning;

    RunningCluster(Process guard, Func<bool> isRunning, string socketFolder) => (_guard, _isRunning, SocketFolder) = (guard, isRunning, socketFolder);

    public string SocketFolder { get; }

    /// <param name="server">Its process.</param>
    /// <param name="isRunning">Whether it still is; also false when somebody else killed it.</param>
    public static RunningCluster Guard(ClusterUser user, int server, Func<bool> isRunning, string socketFolder)
    {
        var guard = user.Runs("sh", "-c", StopWhenLetGo, "sh", server.ToString(CultureInfo.InvariantCulture)).StartInfo();
        return new RunningCluster(Process.Start(guard)!, isRunning, socketFolder);
    }

    public async ValueTask DisposeAsync()
    {
        _guard.StandardInput.Close();
        var started = Stopwatch.GetTimestamp();
        while (_isRunning() && Stopwatch.GetElapsedTime(started) < LongestStop)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20));
        }

        await _guard.WaitForExitAsync();
        _guard.Dispose();
        if (Directory.Exists(SocketFolder))
        {
            Directory.Delete(SocketFolder, recursive: true);
        }
    }
}
