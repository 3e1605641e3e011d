using System.Diagnostics;
using System.Runtime.Versioning;

namespace ControlPlane.Tests;

/// <summary>What volumes take up, and how much the disk has left.</summary>
[Collection(FakeDocker.Name), UnsupportedOSPlatform("windows")]
public sealed class DockerVolumesTests
{
    [Fact]
    public async Task All_volumes_of_the_project_are_measured_by_a_container_that_sees_nothing_else()
    {
        using var docker = new DockerOnPath(MeasuredVolumes.Here);
        await MeasuredVolumes.WriteAsync(docker, "a", 3_000_000);
        await MeasuredVolumes.WriteAsync(docker, "b", 2_000_000);

        Assert.InRange((await MeasuredVolumes.CreateDataPlane().MeasureStorageAsync("01900000-0000-7000-8000-000000000001", Interruption.None, default))!.Value, 5_000_000, 5_200_000);

        Assert.Contains("volume ls --quiet --filter label=com.docker.compose.project=tenant-01900000-0000-7000-8000-000000000001", docker.Calls);
        var run = Assert.Single(docker.Calls, call => call.StartsWith("run ", StringComparison.Ordinal));
        Assert.All(
            ["--rm", "--network none", "--read-only", "--cap-drop ALL --cap-add DAC_READ_SEARCH", "--security-opt no-new-privileges:true", "--log-driver none"],
            (string option) => Assert.Contains($" {option} ", run, StringComparison.Ordinal));
        Assert.Contains("--mount type=volume,source=tenant-01900000-0000-7000-8000-000000000001_open-webui,target=/volumes/0,readonly,volume-nocopy", run, StringComparison.Ordinal);
        Assert.Contains("--mount type=volume,source=tenant-01900000-0000-7000-8000-000000000001_redis,target=/volumes/1,readonly,volume-nocopy", run, StringComparison.Ordinal);
        // Ends by itself: it outlives a docker command that is killed.
        Assert.Contains("--entrypoint sh --mount", run, StringComparison.Ordinal);
        Assert.Contains(" open-webui:earlier -c timeout 240 sh -c \"$0\" || exit ", run, StringComparison.Ordinal);
        Assert.Contains(docker.Calls, call => call.StartsWith(
            "ps --all --filter label=com.docker.compose.project=tenant-01900000-0000-7000-8000-000000000001 --filter label=com.docker.compose.service=open-webui ", StringComparison.Ordinal));
        Assert.DoesNotContain("--cpu-shares", run, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_environment_whose_Open_WebUI_was_not_created_yet_is_measured_with_the_image_that_it_will_have()
    {
        using var docker = new DockerOnPath(MeasuredVolumes.Here.Replace("echo open-webui:earlier", ":", StringComparison.Ordinal));
        await MeasuredVolumes.WriteAsync(docker, "a", 3_000_000);
        Assert.InRange((await MeasuredVolumes.CreateDataPlane().MeasureStorageAsync("01900000-0000-7000-8000-000000000001", Interruption.None, default))!.Value, 3_000_000, 3_100_000);
        Assert.Contains(docker.Calls, call => call.Contains($" {Images.Get("open-webui")} -c timeout 240 ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_lies_below_a_path_of_more_than_4096_characters_counts()
    {
        using var docker = new DockerOnPath(MeasuredVolumes.Here);
        await MeasuredVolumes.WriteAsync(docker, "a", 1);
        // Folder by folder: no program can open the whole path.
        const string deep = "cd -P \"$0\"; n=$(printf 'd%.0s' $(seq 200)); for i in $(seq 25); do mkdir $n && cd -P $n || exit; done; head -c 20000000 /dev/zero >large; for i in $(seq 3000); do : >$i; done";
        Assert.Equal(0, await RunAsync("sh", "-c", deep, Path.Combine(docker.Folder, "volumes", "0")));

        var bytes = (await MeasuredVolumes.CreateDataPlane().MeasureStorageAsync("01900000-0000-7000-8000-000000000001", Interruption.None, default))!.Value;

        // More than .NET deletes.
        Assert.Equal(0, await RunAsync("rm", "-rf", Path.Combine(docker.Folder, "volumes")));
        Assert.InRange(bytes, 3_000 * 16_384, 3_100 * 16_384);
    }

    [Theory]
    [InlineData("cannot access '/volumes/0/gone': No such file or directory", true)]
    [InlineData("cannot read directory '/volumes/0/gone': No such file or directory", true)]
    [InlineData("cannot read directory '/volumes/0/private': Permission denied", false)]
    [InlineData("cannot access '/volumes/0/deep': File name too long", false)]
    [InlineData("cannot access '/volumes/0/No such file or directory': Input/output error", false)]
    // A folder that was moved meanwhile: what follows is not counted.
    [InlineData("fts_read failed: /volumes/0/moved: No such file or directory", false)]
    [InlineData("unrecognized option '--inodes'", false)]
    public async Task A_measurement_with_an_error_is_repeated_when_something_has_vanished_meanwhile_and_otherwise_fails(string error, bool isMeasured)
    {
        using var docker = new DockerOnPath(MeasuredVolumes.Here);
        var du = Path.Combine(docker.Folder, "du");
        await File.WriteAllTextAsync(du, $"#!/bin/sh\nprintf '2048\\t/volumes\\n'\n[ -e \"$0.$2\" ] && exit 0\n: > \"$0.$2\"\necho \"du: {error}\" >&2\nexit 1\n");
        File.SetUnixFileMode(du, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        await MeasuredVolumes.WriteAsync(docker, "a", 1);

        if (isMeasured)
        {
            Assert.Equal(2048 * 16_384, await MeasuredVolumes.CreateDataPlane().MeasureStorageAsync("01900000-0000-7000-8000-000000000001", Interruption.None, default));
            return;
        }

        var failure = await Assert.ThrowsAsync<StepFailedException>(() => MeasuredVolumes.CreateDataPlane().MeasureStorageAsync("01900000-0000-7000-8000-000000000001", Interruption.None, default));
        Assert.Contains(error, failure.Message.Replace(docker.Folder, "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_that_is_moved_all_the_time_is_measured_or_the_measurement_fails()
    {
        using var docker = new DockerOnPath(MeasuredVolumes.Here);
        for (var n = 0; n < 1_000; n++)
        {
            await MeasuredVolumes.WriteAsync(docker, $"a{n}", 0);
        }

        var root = Path.Combine(docker.Folder, "volumes", "0");
        await File.WriteAllBytesAsync(Path.Combine(Directory.CreateDirectory(Path.Combine(root, "zz")).FullName, "large"), new byte[20 * 1024 * 1024]);
        using var stop = new CancellationTokenSource();
        var moving = Task.Run(() =>
        {
            var folder = Path.Combine(root, "zz");
            for (var n = 0; !stop.IsCancellationRequested; n++)
            {
                Directory.Move(folder, folder = Path.Combine(root, $"zz{n}"));
            }
        });
        for (var n = 0; n < 5; n++)
        {
            long? bytes = null;
            var failure = await Record.ExceptionAsync(async () => bytes = await MeasuredVolumes.CreateDataPlane().MeasureStorageAsync("01900000-0000-7000-8000-000000000001", Interruption.None, default));
            Assert.True(failure is StepFailedException || bytes >= 20 * 1024 * 1024, $"{bytes} {failure}");
        }

        await stop.CancelAsync();
        await moving;
    }

    [Fact]
    public async Task Many_small_files_count_as_the_share_of_the_disk_that_their_inodes_use_up()
    {
        using var docker = new DockerOnPath(MeasuredVolumes.Here);
        for (var n = 0; n < 300; n++)
        {
            await MeasuredVolumes.WriteAsync(docker, $"line\nbreak {n}", 0);
        }

        Assert.InRange((await MeasuredVolumes.CreateDataPlane().MeasureStorageAsync("01900000-0000-7000-8000-000000000001", Interruption.None, default))!.Value, 300 * 16_384, 302 * 16_384);
    }

    [Fact]
    public async Task An_environment_without_volumes_stores_nothing_and_starts_no_container()
    {
        using var docker = new DockerOnPath("exit 0");
        Assert.Equal(0, await MeasuredVolumes.CreateDataPlane().MeasureStorageAsync("01900000-0000-7000-8000-000000000001", Interruption.None, default));
        Assert.DoesNotContain(docker.Calls, call => call.StartsWith("run ", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("""case "$*" in "volume ls "*) echo v ;; "ps "*) ;; *) echo "no space left on device" >&2; exit 125 ;; esac""", "no space left on device")]
    [InlineData("""case "$*" in "volume ls "*) echo v ;; "ps "*) ;; *) echo "measured  0" ;; esac""", "no figures")]
    [InlineData("""case "$*" in "volume ls "*) echo v ;; "ps "*) ;; *) exit 143 ;; esac""", "did not finish within 240 s")]
    [InlineData("""case "$*" in "volume ls "*) echo v ;; "ps "*) ;; *) exit 124 ;; esac""", "did not finish within 240 s")]
    public async Task A_measurement_that_fails_is_an_error_and_not_zero(string script, string message)
    {
        using var docker = new DockerOnPath(script);
        var failure = await Assert.ThrowsAsync<StepFailedException>(() => MeasuredVolumes.CreateDataPlane().MeasureStorageAsync("01900000-0000-7000-8000-000000000001", Interruption.None, default));
        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_disk_of_the_volumes_and_that_of_the_data_folder_are_read()
    {
        using var docker = new DockerOnPath(MeasuredVolumes.Here);
        var disks = await MeasuredVolumes.CreateDataPlane().ReadDisksAsync(default).ToListAsync();
        Assert.Equal([DiskSpace.OwnDisk, DiskSpace.EnvironmentDisk], disks.Select(disk => disk.Name));
        Assert.All(disks, disk => Assert.InRange(disk.FreeBytes, 1, disk.TotalBytes));
        Assert.Equal(disks[0].TotalBytes / 1024, disks[1].TotalBytes / 1024);
    }

    [Fact]
    public async Task The_free_space_of_the_data_folder_is_read_before_a_disk_that_cannot_be_read()
    {
        using var docker = new DockerOnPath("echo 'no space left on device' >&2; exit 125");
        await using var disks = MeasuredVolumes.CreateDataPlane().ReadDisksAsync(default).GetAsyncEnumerator();
        Assert.True(await disks.MoveNextAsync());
        Assert.Equal(DiskSpace.OwnDisk, disks.Current.Name);
        var failure = await Assert.ThrowsAsync<StepFailedException>(() => disks.MoveNextAsync().AsTask());
        Assert.Contains("no space left on device", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(60)]
    public void Volumes_have_a_hard_limit_only_where_the_setting_says_so(int? limit)
    {
        var compose = ComposeRendering.Render(Samples.Environment("basic"), Samples.Options with { VolumeLimitGib = limit }, "/models").Compose;
        var volumes = compose[compose.IndexOf("\nvolumes:", StringComparison.Ordinal)..];
        Assert.Equal(limit is null ? 0 : volumes.Split('\n').Count(line => line.StartsWith("  ", StringComparison.Ordinal) && line[2] != ' '), volumes.Split("size: 60g").Length - 1);
    }

    static async Task<int> RunAsync(string command, params string[] arguments)
    {
        using var process = Process.Start(command, arguments);
        await process.WaitForExitAsync();
        return process.ExitCode;
    }
}
