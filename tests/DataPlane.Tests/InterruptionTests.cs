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
                Assert.InRange((await MeasuredVolumes.CreateDataPlane().MeasureStorageAsync("beispiel-2", Interruption.Pause, default))!.Value, 20 * 1024 * 1024, 21 * 1024 * 1024);
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
        await Assert.ThrowsAsync<StepFailedException>(() => MeasuredVolumes.CreateDataPlane().MeasureStorageAsync("beispiel-2", Interruption.Pause, default));
        Assert.Equal(["pause c1", "unpause c1"], docker.Calls.Where(call => call.Contains("pause ", StringComparison.Ordinal)));

        await File.WriteAllTextAsync(Path.Combine(docker.Folder, "paused"), "");
        await Assert.ThrowsAsync<StepFailedException>(() => MeasuredVolumes.CreateDataPlane().MeasureStorageAsync("beispiel-2", Interruption.None, default));
        Assert.False(File.Exists(Path.Combine(docker.Folder, "paused")));
    }

    [Theory]
    [InlineData(300, 320)]
    [InlineData(200, 20)]
    public async Task A_restart_counts_what_was_deleted_and_still_open_unless_others_may_have_freed_it(int freedMib, int countedMib)
    {
        using var docker = new DockerOnPath(
            $"""
            here=$(dirname "$0")
            case "$*" in
                "ps --quiet "*status=running) echo c1; exit ;;
                "ps --quiet "*) exit ;;
                "restart c1") : >"$here/restarted"; exit ;;
                "run "*" df -Pk "*) free=1000; [ ! -e "$here/restarted" ] || free=$((free + {freedMib})); echo "measured $((free * 1024)) 99999999"; exit ;;
            esac
            {MeasuredVolumes.Here}
            """);
        await MeasuredVolumes.WriteAsync(docker, "kept", 20 * 1024 * 1024);
        var bytes = (await MeasuredVolumes.CreateDataPlane().MeasureStorageAsync("beispiel-2", Interruption.Restart, default))!.Value;
        Assert.Equal(countedMib, bytes >> 20);
        Assert.Equal(["restart c1", "pause c1"], docker.Calls.Where(call => call.EndsWith(" c1", StringComparison.Ordinal) && !call.StartsWith("unpause", StringComparison.Ordinal)));
    }
}
