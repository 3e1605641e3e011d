using System.Globalization;

namespace ControlPlane.Tests.Support;

/// <summary>A PostgreSQL server of a test's own, which can be stopped, hung and started again behind the back of who uses it.</summary>
sealed class StoppableCluster : IAsyncDisposable
{
    readonly DataDirectory _data;
    readonly EmbeddedPostgres _first;
    readonly ClusterUser _user;
    readonly string _control;
    RunningCluster? _again;

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
        // Durable, because it is stopped at once: what it said it has committed has to be there again.
        var first = await EmbeddedPostgres.StartAsync(data, durable: true, Console.WriteLine, CancellationToken.None);
        var binaries = await PostgresBinaries.FindAsync(user, CancellationToken.None);
        return new StoppableCluster(data, first, user, binaries[0].Program("pg_ctl"));
    }

    /// <summary>At once: connections break, commits that were under way may or may not have been made.</summary>
    public Task StopAsync() => ControlAsync("stop", "--mode", "immediate");

    public async Task StartAgainAsync()
    {
        await ControlAsync("start", "--log", Path.Combine(Folder, "server.log"));
        // It, too, ends with the test process.
        await LetGoAsync();
        _again = RunningCluster.Watch(_user, Server(), () => false, socketFolder: "");
    }

    /// <summary>SIGSTOP to every process of the server: connections stand, new ones are taken by the kernel, nobody answers.</summary>
    public Task HangAsync() => SignalAsync("-STOP");

    public Task ResumeAsync() => SignalAsync("-CONT");

    public async ValueTask DisposeAsync()
    {
        await ResumeAsync();
        await _user.Command(_control, "stop", "--pgdata", Folder, "--mode", "immediate", "--silent").RunAsync(CancellationToken.None);
        await LetGoAsync();
        await _first.DisposeAsync();
        _data.Dispose();
        Directory.Delete(_data.Path, recursive: true);
    }

    async Task ControlAsync(string what, params string[] options)
    {
        var done = await _user.Command([_control, what, "--pgdata", Folder, "--wait", "--silent", .. options]).RunAsync(CancellationToken.None);
        Assert.True(done.Succeeded, done.Text);
    }

    async Task SignalAsync(string signal)
    {
        if (File.Exists(PidFile))
        {
            // The postmaster first, so that it makes no more of them.
            await SignalAsync(signal, Server().ToString(CultureInfo.InvariantCulture));
            await SignalAsync(signal, [.. ChildrenOf(Server())]);
        }
    }

    async Task LetGoAsync() => await (_again?.DisposeAsync() ?? ValueTask.CompletedTask);

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

    // The fields after the name, which is in brackets and may hold anything: state, then parent.
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
