using System.Runtime.Versioning;

namespace ControlPlane.Tests;

/// <summary>A docker command of our own first on PATH: it writes down how it was called and answers as the test says. The tests that use it
/// change PATH, so they run one after another.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class FakeDocker
{
    public const string Name = "fake docker";
}

[UnsupportedOSPlatform("windows")]
sealed class DockerOnPath : IDisposable
{
    readonly string? _path = Environment.GetEnvironmentVariable("PATH");

    /// <param name="answers">Shell that runs for each call; "$*" holds the arguments.</param>
    public DockerOnPath(string answers)
    {
        Folder = Directory.CreateTempSubdirectory("fake-docker-").FullName;
        var script = Path.Combine(Folder, "docker");
        File.WriteAllText(script, $"#!/bin/sh\necho \"$*\" >> '{CallsFile}'\n{answers}\n");
        File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Environment.SetEnvironmentVariable("PATH", $"{Folder}:{_path}");
    }

    public string Folder { get; }

    public string[] Calls => File.Exists(CallsFile) ? File.ReadAllLines(CallsFile) : [];

    string CallsFile => Path.Combine(Folder, "calls");

    public void Dispose()
    {
        Environment.SetEnvironmentVariable("PATH", _path);
        Directory.Delete(Folder, recursive: true);
    }
}
