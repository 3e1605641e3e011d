using System.Diagnostics;
using System.Runtime.Versioning;

namespace ControlPlane.Tests;

/// <summary>Programs in an environment that hide what they store while it is measured.</summary>
[Collection(FakeDocker.Name), UnsupportedOSPlatform("windows")]
public sealed class InterruptionTests
{
    [Fact]
    public async Task A_program_that_hides_files_in_folders_already_counted_is_paused_meanwhile()
    {
        using var docker = new DockerOnPath(
            $"""
            cd "$(dirname "$0")"
            case "$*" in
                "ps --quiet "*status=running) echo c1; exit ;;
                "ps --quiet "*status=paused) [ ! -e paused ] || echo c1; exit ;;
                "pause c1") : >paused; kill -STOP "-$(cat group)"; exit ;;
                "unpause c1") rm paused; kill -CONT "-$(cat group)"; exit ;;
            esac
            {MeasuredVolumes.Here}
            """);
        await MeasuredVolumes.WriteAsync(docker, "a", 20 * 1024 * 1024);
        var root = Path.Combine(docker.Folder, "volumes", "0");
        const string move = "mkdir -p p q; while :; do mv a p; mv p/a q; mv q/a .; done";
        using var mover = Process.Start(new ProcessStartInfo("setsid", ["sh", "-c", move]) { WorkingDirectory = root })!;
        try
        {
            await File.WriteAllTextAsync(Path.Combine(docker.Folder, "group"), $"{mover.Id}");
            for (var n = 0; n < 5; n++)
            {
                Assert.InRange((await MeasuredVolumes.CreateDataPlane().MeasureStorageAsync("01900000-0000-7000-8000-000000000001", Interruption.Pause, default))!.Value, 20 * 1024 * 1024, 21 * 1024 * 1024);
                Assert.False(File.Exists(Path.Combine(docker.Folder, "paused")));
            }
        }
        finally
        {
            mover.Kill(entireProcessTree: true);
        }
    }

    [Fact]
    public async Task What_was_paused_goes_on_when_the_measurement_fails_or_its_process_was_killed()
    {
        using var docker = new DockerOnPath(
            """
            cd "$(dirname "$0")"
            case "$*" in
                "ps --quiet "*status=running) echo c1 ;;
                "ps --quiet "*status=paused) [ ! -e paused ] || echo c1 ;;
                "pause c1") : >paused ;;
                "unpause c1") rm paused ;;
                *) echo "no space left on device" >&2; exit 125 ;;
            esac
            """);
        await Assert.ThrowsAsync<StepFailedException>(() => MeasuredVolumes.CreateDataPlane().MeasureStorageAsync("01900000-0000-7000-8000-000000000001", Interruption.Pause, default));
        Assert.Equal(["pause c1", "unpause c1"], docker.Calls.Where(call => call.Contains("pause ", StringComparison.Ordinal)));

        await File.WriteAllTextAsync(Path.Combine(docker.Folder, "paused"), "");
        await Assert.ThrowsAsync<StepFailedException>(() => MeasuredVolumes.CreateDataPlane().MeasureStorageAsync("01900000-0000-7000-8000-000000000001", Interruption.None, default));
        Assert.False(File.Exists(Path.Combine(docker.Folder, "paused")));
    }

    // Who sees that another environment is restarted may delete something just then.
    [Fact]
    public async Task Whoever_keeps_the_list_of_open_files_from_being_read_is_restarted_and_all_that_the_disk_gains_counts()
    {
        using var docker = new DockerOnPath(Restarting("running", freedMib: 5_000, "exit 124"));
        await MeasuredVolumes.WriteAsync(docker, "kept", 20 * 1024 * 1024);
        var bytes = (await MeasuredVolumes.CreateDataPlane().MeasureStorageAsync("01900000-0000-7000-8000-000000000001", Interruption.Restart, default))!.Value;
        Assert.Equal(5_020, bytes >> 20);
        Assert.Contains("restart c1", docker.Calls);
    }

    [Theory]
    [InlineData(300, 1_000, 320)]
    [InlineData(200, 1_000, 20)]
    [InlineData(5_000, 20, 40)]
    public async Task A_restart_counts_what_its_processes_had_deleted_and_open_and_nothing_that_others_may_have_freed(int freedMib, int heldMib, int countedMib)
    {
        using var docker = new DockerOnPath(Restarting("running", freedMib, $"echo measured {heldMib * 1024} 0"));
        await MeasuredVolumes.WriteAsync(docker, "kept", 20 * 1024 * 1024);
        var bytes = (await MeasuredVolumes.CreateDataPlane().MeasureStorageAsync("01900000-0000-7000-8000-000000000001", Interruption.Restart, default))!.Value;
        Assert.Equal(countedMib, bytes >> 20);
        Assert.Equal(["restart c1", "pause c1"], docker.Calls.Where(call => call.EndsWith(" c1", StringComparison.Ordinal) && !call.StartsWith("unpause", StringComparison.Ordinal)));
        Assert.Contains(" --pid container:c1 --cap-add SYS_PTRACE --cap-add CHECKPOINT_RESTORE ", Assert.Single(docker.Calls, call => call.Contains(" --pid ", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_environment_that_does_not_run_has_freed_nothing()
    {
        using var docker = new DockerOnPath(Restarting("exited", freedMib: 5_000, "exit 125"));
        await MeasuredVolumes.WriteAsync(docker, "kept", 20 * 1024 * 1024);
        Assert.Equal(20, (await MeasuredVolumes.CreateDataPlane().MeasureStorageAsync("beispiel-2", Interruption.Restart, default))!.Value >> 20);
    }

    [Fact]
    public async Task What_a_process_holds_is_each_deleted_file_once()
    {
        using var docker = new DockerOnPath(Restarting("running", freedMib: 5_000, """for script; do :; done; eval "$(printf %s "$script" | sed "s|/proc/\[0-9\]\*|/proc/$(cat "$here/process")|g")" """));
        await MeasuredVolumes.WriteAsync(docker, "kept", 20 * 1024 * 1024);
        const string hide = "exec 3>hidden 4>&3 5>shown; head -c 30M /dev/zero >&3; head -c 50M /dev/zero >&5; rm hidden; echo; exec sleep 600";
        using var holder = Process.Start(new ProcessStartInfo("sh", ["-c", hide]) { WorkingDirectory = docker.Folder, RedirectStandardOutput = true })!;
        try
        {
            await holder.StandardOutput.ReadLineAsync();
            await File.WriteAllTextAsync(Path.Combine(docker.Folder, "process"), $"{holder.Id}");
            Assert.Equal(20 + 30, (await MeasuredVolumes.CreateDataPlane().MeasureStorageAsync("beispiel-2", Interruption.Restart, default))!.Value >> 20);
        }
        finally
        {
            holder.Kill();
        }
    }

    /// <summary>A fake <c>docker</c> with a container of Open WebUI.</summary>
    /// <param name="freedMib">What the disk has gained when it is read for the second time.</param>
    /// <param name="list">Commands that list what its processes hold.</param>
    static string Restarting(string status, int freedMib, string list) => $"""
        here=$(dirname "$0")
        case "$*" in
            "ps --quiet "*status={status}) echo c1; exit ;;
            "ps --quiet "*) exit ;;
            "restart c1") exit ;;
            "run "*" df -Pk "*) free=1000; [ ! -e "$here/read" ] || free=$((free + {freedMib})); : >"$here/read"; echo "measured $((free * 1024)) 99999999"; exit ;;
            "run "*" --pid "*) {list}; exit ;;
        esac
        {MeasuredVolumes.Here}
        """;
}
