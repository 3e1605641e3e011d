using System.Diagnostics;
using System.Runtime.Versioning;

namespace ControlPlane.Tests;

[Collection(FakeDocker.Name), UnsupportedOSPlatform("windows")]
public sealed class DockerCommandTests
{
    static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Arguments_reach_docker_unchanged()
    {
        string[] arguments = ["", "two words", "$HOME `id` $(id)", "it's \"quoted\"", @"back\slash\", @"\""", "line\nbreak", "--x=é 日本", "*", "; exit 3"];
        using var docker = new DockerOnPath("""printf '[%s]' "$@" """);
        var result = await DockerCommand.RunAsync(arguments, Timeout, default);
        Assert.Equal(new DockerResult(0, string.Concat(arguments.Select(argument => $"[{argument}]"))), result);
    }

    [Fact]
    public async Task Each_stream_keeps_its_own_end()
    {
        using var docker = new DockerOnPath("""echo reason >&2; i=0; while [ $i -lt 20000 ]; do printf 'progress %s ' $i; i=$((i+1)); done; exit 4""");
        var result = await DockerCommand.RunAsync(["pull"], Timeout, default);
        Assert.Equal(4, result.ExitCode);
        Assert.EndsWith("progress 19999 \nreason", result.Output, StringComparison.Ordinal);
        Assert.InRange(result.Output.Length, 1000, 2010);
    }

    [Fact]
    public async Task A_command_that_does_not_read_its_input_still_returns_its_exit_code()
    {
        using var docker = new DockerOnPath("exit 5");
        Assert.Equal(5, (await DockerCommand.RunAsync(["exec"], Timeout, default, PipeSource.FromString(new string('x', 1_000_000)))).ExitCode);
    }

    [Fact]
    public async Task A_timeout_kills_the_process_and_its_children()
    {
        using var docker = new DockerOnPath("""sleep 300 & echo $! > "$(dirname "$0")/child"; wait""");
        var failure = await Assert.ThrowsAsync<StepFailedException>(() => DockerCommand.RunAsync(["up"], TimeSpan.FromSeconds(2), default));
        Assert.Equal("docker up did not finish within 2 s.", failure.Message);
        var child = (await File.ReadAllTextAsync(Path.Combine(docker.Folder, "child"))).Trim();
        var elapsed = Stopwatch.StartNew();
        while (Directory.Exists($"/proc/{child}") && !(await File.ReadAllTextAsync($"/proc/{child}/stat")).Contains(") Z ", StringComparison.Ordinal))
        {
            Assert.True(elapsed.Elapsed < TimeSpan.FromSeconds(10), "the child is still running");
            await Task.Delay(20);
        }
    }

    [Fact]
    public async Task A_missing_docker_command_is_a_failed_step()
    {
        using var path = new DockerOnPath("exit 0");
        File.Delete(Path.Combine(path.Folder, "docker"));
        Environment.SetEnvironmentVariable("PATH", path.Folder);
        var failure = await Assert.ThrowsAsync<StepFailedException>(() => DockerCommand.RunAsync(["version"], Timeout, default));
        Assert.Equal("The docker command could not be started: is it installed?", failure.Message);
    }
}
