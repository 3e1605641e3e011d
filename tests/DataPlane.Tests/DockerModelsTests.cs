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
        Assert.EndsWith("--profile weights run --rm --no-TTY --name tenant-01900000-0000-7000-8000-000000000001-weights-pull weights qwen3:8b 4 10485760", docker.Calls[run], StringComparison.Ordinal);
        Assert.Contains(docker.Calls[..run], call => call.EndsWith(" tenant-01900000-0000-7000-8000-000000000001_weights", StringComparison.Ordinal) && call.StartsWith("network create --internal ", StringComparison.Ordinal));
        Assert.Equal("rm --force tenant-01900000-0000-7000-8000-000000000001-weights-pull", docker.Calls[run + 2]);
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
        using var docker = new DockerOnPath($"""case "$*" in *"ollama rm"*) echo "{error}" >&2; exit 1 ;; esac""");
        var removal = CreateDataPlane().RemoveModelAsync(Samples.Environment("enterprise"), "qwen3:8b", default);
        await (succeeds ? removal : Assert.ThrowsAsync<StepFailedException>(() => removal));
        Assert.EndsWith("exec --no-TTY ollama-dedicated ollama rm qwen3:8b", docker.Calls[0], StringComparison.Ordinal);
    }

    // The fake runs the command as the container does.
    [Fact]
    public async Task What_a_removed_model_was_downloading_is_removed()
    {
        using var docker = new DockerOnPath($"""case "$*" in *" sh -c "*) while [ "$1" != -c ]; do shift; done; HOME='{_data}' sh -c "$2" ;; esac""");
        string[] files = [Write("sha256-a", 1), Write("sha256-b-partial", 1), Write("sha256-b-partial-0", 1)];
        File.WriteAllText(Pulling, "qwen3:8b");
        await CreateDataPlane().RemoveModelAsync(Samples.Environment("enterprise"), "qwen3:8b", default);
        Assert.Equal([true, false, false, false], files.Append(Pulling).Select(File.Exists));
    }

    [Fact]
    public async Task The_models_of_a_deleted_environment_are_removed_by_a_container_that_may_whatever_their_modes_are()
    {
        using var docker = new DockerOnPath($"""
            case "$*" in
                "ps --all "*) echo open-webui:earlier ;;
                "run "*) while [ "$1" != open-webui:earlier ]; do shift; done; shift 2; find '{_data}/models/01900000-0000-7000-8000-000000000001' "$@" ;;
            esac
            """);
        var options = new ControlPlaneOptions { Domain = "example.com", PublicUrl = new("https://portal.example.com"), DataDirectory = _data };
        var folders = new ModelFolders(options);
        await folders.CreateAsync(Samples.Environment("enterprise"), default);
        // Folder by folder: no program can open the whole path.
        const string deep = "cd \"$0\"; n=$(printf 'd%.0s' $(seq 200)); for i in $(seq 25); do mkdir $n && cd -P $n || exit; done; : >file";
        using (var shell = Process.Start("sh", ["-c", deep, Path.Combine(_data, "models", "01900000-0000-7000-8000-000000000001")]))
        {
            await shell.WaitForExitAsync();
        }

        // Also where the plan has no dedicated Ollama any more.
        await CreateDataPlane().RemoveWorkloadsAsync(Samples.Environment("basic"), default);
        await folders.RemoveAsync(Samples.Environment("basic"), default);

        Assert.Empty(Directory.GetDirectories(Path.Combine(_data, "models")));
        var run = Array.FindIndex(docker.Calls, call => call.StartsWith("run ", StringComparison.Ordinal));
        Assert.Contains(" down ", docker.Calls[run - 1], StringComparison.Ordinal);
        Assert.Contains(" --user 0:0 --cap-drop ALL --cap-add DAC_OVERRIDE --cap-add FOWNER ", docker.Calls[run], StringComparison.Ordinal);
        Assert.Contains($" --mount type=bind,source={_data}/models/01900000-0000-7000-8000-000000000001,target=/models ", docker.Calls[run], StringComparison.Ordinal);

        await CreateDataPlane().RemoveWorkloadsAsync(Samples.Environment("basic"), default);
        Assert.Single(docker.Calls, call => call.StartsWith("run ", StringComparison.Ordinal));
    }

    // KiB: what the download writes, and what it may. Without room on the disk, and where the download itself fails.
    [Theory]
    [InlineData(0, 4096, 0, 0)]
    [InlineData(8192, 4096, 0, 81)]
    [InlineData(0, 4096, 1L << 50, 82)]
    [InlineData(-1, 4096, 0, 83)]
    public async Task The_script_ends_a_download_that_is_too_large_or_fills_the_disk(long written, long maximum, long reserve, int expected)
    {
        Assert.Equal(expected, await RunScriptAsync("qwen3:8b", written, maximum, reserve, sleep: expected is 81 or 82));
        Assert.Equal(expected == 0, File.Exists(Path.Combine(Blobs, "sha256-a-partial")));
        Assert.False(File.Exists(Pulling));
    }

    // Otherwise each download that is removed before its end would leave something, and the next one would have all of its room again.
    [Fact]
    public async Task What_other_downloads_have_left_is_removed_or_takes_up_the_room_of_the_next_one()
    {
        var partial = Write("sha256-b-partial", 8192);
        Assert.Equal(0, await RunScriptAsync("qwen3:8b", written: 0, maximum: 4096));
        Assert.False(File.Exists(partial));
        Assert.Equal("", await File.ReadAllTextAsync(Path.Combine(_data, "no-prune")));

        Write("sha256-b", 8192);
        Assert.Equal(81, await RunScriptAsync("qwen3:8b", written: 0, maximum: 4096, sleep: true));
        Assert.Equal(0, await RunScriptAsync("qwen3:8b", written: 0, maximum: 4096, listed: "8.4 MB"));
    }

    [Fact]
    public async Task An_interrupted_download_is_continued_and_what_it_has_downloaded_takes_up_its_room()
    {
        var partial = Write("sha256-b-partial", 3072);
        File.WriteAllText(Pulling, "qwen3:8b");
        Assert.Equal(0, await RunScriptAsync("qwen3:8b", written: 0, maximum: 4096));
        Assert.True(File.Exists(partial));
        Assert.Equal("1", await File.ReadAllTextAsync(Path.Combine(_data, "no-prune")));

        File.WriteAllText(Pulling, "qwen3:8b");
        Assert.Equal(81, await RunScriptAsync("qwen3:8b", written: 3072, maximum: 4096, sleep: true));
        Assert.Empty(Directory.GetFiles(Blobs));
    }

    string Blobs => Directory.CreateDirectory(Path.Combine(_data, ".ollama", "models", "blobs")).FullName;

    /// <summary>Names what is being downloaded.</summary>
    string Pulling => Path.Combine(_data, ".ollama", "pulling");

    string Write(string name, int kibibytes)
    {
        var path = Path.Combine(Blobs, name);
        File.WriteAllBytes(path, new byte[kibibytes * 1024]);
        return path;
    }

    /// <param name="written">KiB; -1: the download fails.</param>
    /// <param name="sleep">Whether the download goes on for a minute.</param>
    /// <param name="listed">Size of the only model that is there.</param>
    /// <returns>The script's exit code.</returns>
    async Task<int> RunScriptAsync(string source, long written, long maximum, long reserve = 0, bool sleep = false, string? listed = null)
    {
        var pull = written < 0 ? "exit 1" : $"dd if=/dev/zero of='{Blobs}/sha256-a-partial' bs=1024 count={written} 2>/dev/null; sleep {(sleep ? 60 : 0)}";
        var list = $"printf 'NAME ID SIZE MODIFIED\n{(listed is null ? "" : $"other:latest 500a1f067a9f {listed} 2 days ago\n")}'";
        File.WriteAllText(
            Path.Combine(_data, "ollama"),
            $"#!/bin/sh\ncase $1 in serve) printf %s \"${{OLLAMA_NOPRUNE:-}}\" >'{_data}/no-prune'; exec sleep 60 ;; list) [ -e '{_data}/no-prune' ] && {list} ;; pull) {pull} ;; esac\n");
        File.SetUnixFileMode(Path.Combine(_data, "ollama"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        File.Delete(Path.Combine(_data, "no-prune"));
        await File.WriteAllTextAsync(Path.Combine(_data, "pull.sh"), ComposeRendering.Render(Samples.Environment("enterprise"), Samples.Options, "/models").WeightsPull);
        var start = new ProcessStartInfo("sh", [Path.Combine(_data, "pull.sh"), source, $"{maximum}", $"{reserve}"]);
        start.Environment["HOME"] = _data;
        start.Environment["PATH"] = $"{_data}:{Environment.GetEnvironmentVariable("PATH")}";
        using var script = Process.Start(start)!;
        await script.WaitForExitAsync();
        return script.ExitCode;
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
