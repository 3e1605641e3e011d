using System.Diagnostics;
using System.Runtime.Versioning;

namespace ControlPlane.Tests.Vps;

/// <summary>
/// A fake host to install on: a folder instead of /, and a PATH on which fakes replace the commands that would change the host. The fakes record
/// their calls and respond according to the folder <c>state</c>.
/// </summary>
[UnsupportedOSPlatform("windows")]
sealed class FakeHost : IDisposable
{
    public const string Domain = "llm.example.com";

    static readonly string[] RealTools =
        ["awk", "base64", "cat", "chmod", "date", "dd", "dirname", "find", "grep", "head", "ln", "mkdir", "mv", "od", "printf", "readlink", "rm", "sed", "sh", "sort", "tail", "touch", "tr", "wc"];

    readonly string _folder = Directory.CreateTempSubdirectory("fake-host-").FullName;

    public FakeHost(string distribution = "ubuntu", string release = "24.04", bool withDocker = true)
    {
        foreach (var folder in (string[])["bin", "store", "state", "root/etc", "root/sys/block/sda/queue", "root/sys/block/sdb/queue", "opt"])
        {
            Directory.CreateDirectory(At(folder));
        }

        SetScheduler("sda", "none");
        SetScheduler("sdb", "none");
        File.WriteAllText(At("root/etc/os-release"), $"ID={distribution}\nVERSION_ID=\"{release}\"\n");
        foreach (var tool in RealTools)
        {
            File.CreateSymbolicLink(At($"bin/{tool}"), FindOnPath(tool));
        }

        foreach (var (command, script) in FakeCommands.All)
        {
            var path = At(withDocker || command != "docker" ? $"bin/{command}" : $"store/{command}");
            File.WriteAllText(path, $"#!/bin/sh\necho \"{command} $*\" >>'{At("calls")}'\nstate='{At("state")}'\nbin='{At("bin")}'\nstore='{At("store")}'\n{script}\n");
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        Unpack("1.0.0");
    }

    public string Data => At("data");

    /// <summary>Who plans the operations of a disk: sda has the settings, sdb Docker's volumes.</summary>
    public string Scheduler(string disk) => File.ReadAllText(At($"root/sys/block/{disk}/queue/scheduler"));

    public void SetScheduler(string disk, string scheduler) => File.WriteAllText(At($"root/sys/block/{disk}/queue/scheduler"), scheduler);

    /// <summary>The calls of fake commands so far, such as "ufw allow 80/tcp".</summary>
    public string[] Calls => File.Exists(At("calls")) ? File.ReadAllLines(At("calls")) : [];

    public void ClearCalls() => File.Delete(At("calls"));

    public string At(string path) => Path.Combine(_folder, path);

    /// <summary>Sets a state of the host: see <see cref="FakeCommands"/>.</summary>
    public void SetState(string state, string content = "") => File.WriteAllText(At($"state/{state}"), content);

    /// <summary>Unpacks a release where cloud-init does.</summary>
    public void Unpack(string version)
    {
        var from = Repository.At("deploy/vps");
        foreach (var file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            var to = At($"opt/{version}/deploy/vps/{Path.GetRelativePath(from, file)}");
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            File.Copy(file, to, overwrite: true);
        }

        File.WriteAllText(At($"opt/{version}/VERSION"), version);
    }

    public ScriptResult Install(string version = "1.0.0", params (string Name, string Value)[] settings) =>
        Run($"opt/{version}/deploy/vps/install.sh", [], [("CONTROLPLANE_DOMAIN", Domain), ("CONTROLPLANE_DATA", Data), .. settings]);

    public ScriptResult Run(string script, string[] arguments, params (string Name, string Value)[] settings)
    {
        var start = new ProcessStartInfo(At(script), arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment.Clear();
        start.Environment["PATH"] = At("bin");
        start.Environment["DESTDIR"] = At("root");
        foreach (var (name, value) in settings)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new ScriptResult(process.ExitCode, output, errors.GetAwaiter().GetResult());
    }

    /// <summary>Values of the settings in a file under <see cref="Data"/>.</summary>
    public Dictionary<string, string> Settings(string file) => File.ReadLines(Path.Combine(Data, "settings", file))
        .Where(line => line.Length > 0 && line[0] != '#').Select(line => line.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    static string FindOnPath(string tool) => Environment.GetEnvironmentVariable("PATH")!.Split(':').Select(folder => Path.Combine(folder, tool)).First(File.Exists);
}

sealed record ScriptResult(int ExitCode, string Output, string Errors);
