using System.Runtime.Versioning;

namespace ControlPlane.Tests;

/// <summary>Tests with a fake docker command change PATH, so they do not run in parallel.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class FakeDocker
{
    public const string Name = "fake docker";
}

/// <summary>A fake docker command, first on PATH, that records its calls and runs a script of the test.</summary>
[UnsupportedOSPlatform("windows")]
sealed class DockerOnPath : IDisposable
{
    readonly string? _path = Environment.GetEnvironmentVariable("PATH");

    /// <param name="script">Shell script that runs for each call; "$*" holds the arguments.</param>
    public DockerOnPath(string script)
    {
        Folder = Directory.CreateTempSubdirectory("fake-docker-").FullName;
        var docker = Path.Combine(Folder, "docker");
        File.WriteAllText(docker, $"#!/bin/sh\necho \"$*\" >> '{CallsFile}'\n{script}\n");
        File.SetUnixFileMode(docker, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
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
