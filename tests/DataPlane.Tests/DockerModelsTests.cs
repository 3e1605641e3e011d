using System.Diagnostics;
using System.Runtime.Versioning;

namespace ControlPlane.Tests;

/// <summary>Downloads to a dedicated Ollama: the docker commands, and the script that runs in the container with a fake ollama.</summary>
[Collection(FakeDocker.Name), UnsupportedOSPlatform("windows")]
public sealed class DockerModelsTests : IDisposable
{
    const string Listed = "NAME          ID              SIZE      MODIFIED\\nqwen3:8b      500a1f067a9f    5.2 GB    2 days ago\\nqwen3:8b-q8   400a1f067a9f    8.9 GB    2 days ago";

    readonly string _data = Directory.CreateTempSubdirectory("environments-").FullName;

    [Fact]
    public async Task What_is_there_is_not_downloaded_again()
    {
        using var docker = new DockerOnPath($"""case "$*" in *"ollama list"*) printf '{Listed}\n' ;; esac""");
        var result = await PullAsync("qwen3:8b");

        Assert.Equal(new PullResult.Present(5_200_000_000, "500a1f067a9f"), result);
        Assert.DoesNotContain(docker.Calls, call => call.Contains(" run ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_download_runs_in_a_container_of_its_own_which_is_removed_with_its_egress_proxy()
    {
        using var docker = new DockerOnPath($"""
            case "$*" in
                *"ollama list"*) [ ! -f "$(dirname "$0")/pulled" ] || printf '{Listed}\n' ;;
                *" run "*) touch "$(dirname "$0")/pulled"; printf 'pulling 6a0746a1ec1a:  12%% \n' >&2; printf 'pulling 6a0746a1ec1a:  57%% \n' >&2 ;;
                "network inspect "*) exit 1 ;;
            esac
            """);
        var progress = new List<int>();
        Assert.IsType<PullResult.Present>(await PullAsync("qwen3:8b", 4096, progress.Add));

        Assert.Equal(57, progress[^1]);
        var run = Array.FindIndex(docker.Calls, call => call.Contains(" run ", StringComparison.Ordinal));
        Assert.EndsWith("--profile weights run --rm --no-TTY --name tenant-beispiel-2-weights-pull weights qwen3:8b 4 10485760", docker.Calls[run], StringComparison.Ordinal);
        Assert.Contains(docker.Calls[..run], call => call.EndsWith(" tenant-beispiel-2_weights", StringComparison.Ordinal) && call.StartsWith("network create --internal ", StringComparison.Ordinal));
        Assert.Equal("rm --force tenant-beispiel-2-weights-pull", docker.Calls[run + 2]);
        Assert.EndsWith("--profile weights rm --stop --force weights-egress", docker.Calls[run + 3], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(81, "", nameof(PullResult.TooLarge))]
    [InlineData(82, "", nameof(PullResult.DiskFull))]
    [InlineData(83, "Error: pull model manifest: file does not exist", nameof(PullResult.NotFound))]
    [InlineData(83, "Error: pull model manifest: 400: The specified repository is not GGUF", nameof(PullResult.NotFound))]
    [InlineData(83, "Error: pull model manifest: Get \"https://registry.ollama.ai/v2/x\": proxyconnect tcp: connection refused", null)]
    [InlineData(1, "no such service: weights", null)]
    public async Task A_download_that_fails_says_why(int code, string error, string? expected)
    {
        using var docker = new DockerOnPath($"""case "$*" in *" run "*) echo '{error}' >&2; exit {code} ;; esac""");
        if (expected is null)
        {
            Assert.Contains(error, (await Assert.ThrowsAsync<StepFailedException>(() => PullAsync("qwen3:8b"))).Message, StringComparison.Ordinal);
        }
        else
        {
            Assert.Equal(expected, (await PullAsync("qwen3:8b")).GetType().Name);
        }

        Assert.EndsWith("rm --stop --force weights-egress", docker.Calls[^1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Error: model 'qwen3:8b' not found", true)]
    [InlineData("Error: could not connect to ollama server", false)]
    public async Task Removing_what_is_not_there_succeeds(string error, bool succeeds)
    {
        using var docker = new DockerOnPath($"""echo "{error}" >&2; exit 1""");
        var removal = CreateDataPlane().RemoveModelAsync(Samples.Environment("enterprise"), "qwen3:8b", default);
        await (succeeds ? removal : Assert.ThrowsAsync<StepFailedException>(() => removal));
        Assert.EndsWith("exec --no-TTY ollama-dedicated ollama rm qwen3:8b", docker.Calls[^1], StringComparison.Ordinal);
    }

    // KiB: what the download writes, and what it may. Without room on the disk, and where the download itself fails.
    [Theory]
    [InlineData(0, 4096, 0, 0)]
    [InlineData(8192, 4096, 0, 81)]
    [InlineData(0, 4096, 1L << 50, 82)]
    [InlineData(-1, 4096, 0, 83)]
    public async Task The_script_ends_a_download_that_is_too_large_or_fills_the_disk(long written, long maximum, long reserve, int expected)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_data, ".ollama", "models", "blobs")).FullName;
        var pull = written < 0 ? "exit 1" : $"dd if=/dev/zero of='{folder}/sha256-a-partial' bs=1024 count={written} 2>/dev/null; sleep {(expected == 0 ? 0 : 60)}";
        File.WriteAllText(Path.Combine(_data, "ollama"), $"#!/bin/sh\ncase $1 in serve) exec sleep 60 ;; pull) {pull} ;; esac\n");
        File.SetUnixFileMode(Path.Combine(_data, "ollama"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        await File.WriteAllTextAsync(Path.Combine(_data, "pull.sh"), ComposeRendering.Render(Samples.Environment("enterprise"), Samples.Options, "/models").WeightsPull);
        var start = new ProcessStartInfo("sh", [Path.Combine(_data, "pull.sh"), "qwen3:8b", $"{maximum}", $"{reserve}"]);
        start.Environment["HOME"] = _data;
        start.Environment["PATH"] = $"{_data}:{Environment.GetEnvironmentVariable("PATH")}";

        using var script = Process.Start(start)!;
        await script.WaitForExitAsync();

        Assert.Equal(expected, script.ExitCode);
        Assert.Equal(expected == 0, File.Exists(Path.Combine(folder, "sha256-a-partial")));
    }

    async Task<PullResult> PullAsync(string source, long? maximumBytes = null, Action<int>? onProgress = null)
    {
        var dataPlane = CreateDataPlane();
        return await dataPlane.PullModelAsync(Samples.Environment("enterprise"), source, maximumBytes, onProgress ?? (_ => { }), default);
    }

    DockerCompose CreateDataPlane() => new(
        new ProjectFolder(new ControlPlaneOptions { Domain = "example.com", PublicUrl = new("https://portal.example.com"), DataDirectory = _data }, Samples.Options), Samples.Options);

    public void Dispose() => Directory.Delete(_data, recursive: true);
}
