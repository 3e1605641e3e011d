using System.Globalization;

namespace ControlPlane.Tests.Support;

/// <summary>A PostgreSQL server for one test that can be stopped, suspended and restarted while it is in use.</summary>
sealed class StoppableCluster : IAsyncDisposable
{
    readonly DataDirectory _data;
    readonly EmbeddedPostgres _first;
    readonly ClusterUser _user;
    readonly string _control;
    RunningCluster? _restarted;

    StoppableCluster(DataDirectory data, EmbeddedPostgres first, ClusterUser user, string control) =>
        (_data, _first, _user, _control) = (data, first, user, control);

    public string ConnectionString => _first.ConnectionString;

    string Folder => _data.At("postgres");
    string PidFile => Path.Combine(Folder, "postmaster.pid");

    public static async Task<StoppableCluster> StartAsync()
    {
        var data = DataDirectory.Open(Path.Combine(Path.GetTempPath(), Names.Random("controlplane-stoppable")));
        data.TryLock();
        var user = await ClusterUser.ChooseAsync(CancellationToken.None);
        // Durable, because it is stopped without a checkpoint: acknowledged commits must survive.
        var first = await EmbeddedPostgres.StartAsync(data, durable: true, Console.WriteLine, CancellationToken.None);
        var binaries = await PostgresBinaries.FindAsync(user, CancellationToken.None);
        return new StoppableCluster(data, first, user, binaries[0].Program("pg_ctl"));
    }

    /// <summary>Immediate stop: connections break, and the outcome of commits in flight is unknown.</summary>
    public Task StopAsync() => ControlAsync("stop", "--mode", "immediate");

    public async Task RestartAsync()
    {
        await ControlAsync("start", "--log", Path.Combine(Folder, "server.log"));
        // The restarted server must end with the test process too.
        await StopWatchingAsync();
        _restarted = RunningCluster.Watch(_user, Server(), () => false, socketFolder: "");
    }

    /// <summary>SIGSTOP to every process of the server: connections stay open, the kernel accepts new ones, but nothing responds.</summary>
    public Task HangAsync() => SignalAsync("-STOP");

    public Task ResumeAsync() => SignalAsync("-CONT");

    public async ValueTask DisposeAsync()
    {
        await ResumeAsync();
        await _user.Command(_control, "stop", "--pgdata", Folder, "--mode", "immediate", "--silent").RunAsync(CancellationToken.None);
        await StopWatchingAsync();
        await _first.DisposeAsync();
        _data.Dispose();
        Directory.Delete(_data.Path, recursive: true);
    }

    async Task ControlAsync(string command, params string[] options)
    {
        var result = await _user.Command([_control, command, "--pgdata", Folder, "--wait", "--silent", .. options]).RunAsync(CancellationToken.None);
        Assert.True(result.Succeeded, result.Text);
    }

    async Task SignalAsync(string signal)
    {
        if (File.Exists(PidFile))
        {
            // The postmaster first, so that it forks no further processes.
            await SignalAsync(signal, Server().ToString(CultureInfo.InvariantCulture));
            await SignalAsync(signal, [.. ChildrenOf(Server())]);
        }
    }

    async Task StopWatchingAsync() => await (_restarted?.DisposeAsync() ?? ValueTask.CompletedTask);

    int Server() => int.Parse(File.ReadLines(PidFile).First(), CultureInfo.InvariantCulture);

    static async Task SignalAsync(string signal, params string[] processes)
    {
        if (processes.Length > 0)
        {
            await new ExternalCommand(["kill", signal, .. processes]).RunAsync(CancellationToken.None);
        }
    }

    static IEnumerable<string> ChildrenOf(int parent) =>
        Directory.EnumerateDirectories("/proc").Where(process => char.IsAsciiDigit(Path.GetFileName(process)[0]) && ParentOf(process) == parent).Select(Path.GetFileName)!;

    // The fields after the name, which is in parentheses and may contain anything: state, then parent.
    static int? ParentOf(string process)
    {
        try
        {
            var stat = File.ReadAllText(Path.Combine(process, "stat"));
            return int.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[1], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return null;
        }
    }
}
