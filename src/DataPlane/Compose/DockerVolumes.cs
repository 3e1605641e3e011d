using System.Globalization;
using System.Text.RegularExpressions;

namespace ControlPlane.DataPlane.Compose;

/// <summary>
/// Measures what volumes take up, in containers that see nothing else: the engine's own figures leave out blocks and inodes, so that many small files would cost
/// nothing, and a tenant controls what runs in its own containers.
/// </summary>
static partial class DockerVolumes
{
    /// <summary>Seconds, enforced inside: a container outlives its docker command.</summary>
    const int Timeout = 240;

    /// <summary>Exit code of GNU's <c>timeout</c> at the timeout.</summary>
    const int TimedOut = 124;

    /// <summary>Of BusyBox's: that of a program that was ended with SIGTERM.</summary>
    const int Terminated = 143;

    /// <summary>What a file counts at least: the disk space for which ext4 has one inode. A disk without inodes is as full as one without blocks.</summary>
    const long BytesPerFile = 16_384;

    /// <summary>What a restart frees only counts beyond this.</summary>
    const long FreedByOthers = 256L << 20;

    static readonly TimeSpan CommandTimeout = TimeSpan.FromSeconds(Timeout + 60);

    /// <param name="project">Name of the Compose project.</param>
    /// <param name="interruption">Of Open WebUI, where a tenant's code may run: what moves files from folder to folder while they are counted hides them, and so does what deletes them and
    /// keeps them open.</param>
    /// <returns>Bytes on disk of all its volumes.</returns>
    /// <exception cref="StepFailedException">They could not be measured.</exception>
    public static async Task<long> MeasureAsync(string project, Interruption interruption, CancellationToken ct)
    {
        // A process that was killed meanwhile has left it paused.
        await UnpauseAsync(project, ct);
        return interruption switch
        {
            Interruption.Restart => await RestartAsync(project, ct) + await CountPausedAsync(project, ct),
            Interruption.Pause => await CountPausedAsync(project, ct),
            _ => await CountAsync(project, ct),
        };
    }

    /// <returns>Bytes that were deleted and still open: what the disk has gained, at most what the processes that were restarted held, because whoever sees the restart may delete
    /// something meanwhile. 0 when it is not more than what others free at any time.</returns>
    static async Task<long> RestartAsync(string project, CancellationToken ct)
    {
        var containers = await FindOpenWebuiAsync(project, "running", ct);
        if (containers.Length == 0)
        {
            return 0;
        }

        var held = 0L;
        foreach (var container in containers)
        {
            held = await HeldAsync(project, container, ct) is { } bytes && held < long.MaxValue ? held + bytes : long.MaxValue;
        }

        var before = await ReadDiskAsync(ct);
        await RunOnAsync("restart", containers, ct);
        var freed = (await ReadDiskAsync(ct)).FreeBytes - before.FreeBytes;
        return freed > FreedByOthers ? Math.Min(freed, held) : 0;
    }

    /// <returns>null: the list could not be read. Only the environment's own processes can prevent that, so all that the disk gains counts as theirs.</returns>
    static async Task<long?> HeldAsync(string project, string container, CancellationToken ct)
    {
        try
        {
            return await ReadDeletedAsync(project, container, ct);
        }
        catch (StepFailedException)
        {
            return null;
        }
    }

    static async Task<long> CountPausedAsync(string project, CancellationToken ct)
    {
        try
        {
            await RunOnAsync("pause", await FindOpenWebuiAsync(project, "running", ct), ct);
            return await CountAsync(project, ct);
        }
        finally
        {
            await UnpauseAsync(project, CancellationToken.None);
        }
    }

    static async Task UnpauseAsync(string project, CancellationToken ct) => await RunOnAsync("unpause", await FindOpenWebuiAsync(project, "paused", ct), ct);

    static async Task RunOnAsync(string command, string[] containers, CancellationToken ct)
    {
        if (containers.Length > 0)
        {
            await RunAsync([command, .. containers], ct);
        }
    }

    static async Task<string[]> FindOpenWebuiAsync(string project, string status, CancellationToken ct) => Lines(await RunAsync(
        ["ps", "--quiet", .. OpenWebuiOf(project), "--filter", $"status={status}"], ct));

    static string[] OpenWebuiOf(string project) =>
        ["--filter", $"label=com.docker.compose.project={project}", "--filter", "label=com.docker.compose.service=open-webui"];

    static string[] Lines(string output) => output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    static async Task<long> CountAsync(string project, CancellationToken ct)
    {
        var volumes = await FindAsync(project, ct);
        if (volumes.Length == 0)
        {
            return 0;
        }

        var mounts = volumes.Select((volume, index) => string.Create(CultureInfo.InvariantCulture, $"type=volume,source={volume},target=/volumes/{index},readonly,volume-nocopy"));
        var (kibibytes, files) = await ReadPairAsync(await FindImageAsync(project, ct), mounts, Measure, ct);
        return Math.Max(kibibytes * 1024, files * BytesPerFile);
    }

    /// <returns>Names of the project's volumes.</returns>
    public static async Task<string[]> FindAsync(string project, CancellationToken ct) =>
        Lines(await RunAsync(["volume", "ls", "--quiet", "--filter", $"label=com.docker.compose.project={project}"], ct));

    // GNU's du, which descends from folder to folder. BusyBox's, in the smaller images, opens each by its whole path and does not see what is below one of 4,096
    // characters. Where something has vanished meanwhile, it may have been a folder that was moved, with all that is in it: only a count without is accepted, or any error
    // is left beside the figures, which then are not. It quotes names, so that none looks like another line.
    const string Measure = """
        count() {
            for attempt in 1 2 3 4 5; do
                figure=$(LC_ALL=C du --summarize "$@" /volumes 2>&1) && break
                printf '%s\n' "$figure" | grep -Evq '^[0-9]|^du: cannot (access|read directory) .*: No such file or directory$' && break
            done
            printf '%s\n' "$figure" | cut -f 1 | head -c 500
        }
        echo "measured $(count --block-size=1K) $(count --inodes)"
        """;

    /// <summary>The image of the project's Open WebUI: it is Debian, with GNU's programs, and already on this host, also after an upgrade or on a full disk. Tenants cannot
    /// change images.</summary>
    public static async Task<string> FindImageAsync(string project, CancellationToken ct)
    {
        var used = Lines(await RunAsync(["ps", "--all", .. OpenWebuiOf(project), "--format", "{{.Image}}"], ct));
        return used is [var image, ..] ? image : Images.Get("open-webui");
    }

    /// <summary>The disk that the engine keeps volumes on.</summary>
    /// <exception cref="StepFailedException">It could not be read.</exception>
    public static async Task<DiskSpace> ReadDiskAsync(CancellationToken ct)
    {
        var (free, total) = await ReadPairAsync(
            Images.Get("redis"), ["type=volume,target=/volumes"], "df -Pk /volumes | awk 'NR == 2 { print \"measured\", $4, $2 }'", ct);
        return new DiskSpace(DiskSpace.EnvironmentDisk, free * 1024, total * 1024);
    }

    /// <returns>Bytes of the files that were deleted and that the container's processes have open or mapped. Not what is on its way through a socket.</returns>
    static async Task<long> ReadDeletedAsync(string project, string container, CancellationToken ct)
    {
        // The first capability is to see the processes of another container, the second one to follow what they have mapped.
        string[] options = ["--pid", $"container:{container}", "--cap-add", "SYS_PTRACE", "--cap-add", "CHECKPOINT_RESTORE"];
        var (kibibytes, _) = await ReadPairAsync(await FindImageAsync(project, ct), [], ListDeleted, ct, options);
        return kibibytes * 1024;
    }

    // Each thread may have open files of its own. What ends meanwhile is an error that does not matter.
    const string ListDeleted = """
        find /proc/[0-9]*/task/[0-9]*/fd /proc/[0-9]*/map_files -lname '* (deleted)' -exec stat -L -c '%d:%i %b' {} + 2>/dev/null |
            sort -u | awk '{ blocks += $2 } END { printf "measured %.0f 0\n", blocks / 2 }'
        """;

    static async Task<(long First, long Second)> ReadPairAsync(
        string image, IEnumerable<string> mounts, string script, CancellationToken ct, params string[] options)
    {
        var output = await RunAsync(
            [
                "run", "--rm", "--network", "none", "--read-only", "--user", "0:0", "--cap-drop", "ALL", "--cap-add", "DAC_READ_SEARCH",
                // With the usual share of the processors: tenants must not slow it down until the timeout. du remembers each file with several names, in 60 bytes.
                "--security-opt", "no-new-privileges:true", "--memory", "1g", "--pids-limit", "32", "--log-driver", "none", .. options, "--entrypoint", "sh",
                .. mounts.SelectMany(mount => new[] { "--mount", mount }),
                // Two shells: the first process of a container cannot be ended by a signal from inside.
                image, "-c", string.Create(CultureInfo.InvariantCulture, $"timeout {Timeout} sh -c \"$0\" || exit"), script,
            ],
            ct);
        return Measured().Match(output) is { Success: true } match
            ? (long.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture), long.Parse(match.Groups[2].ValueSpan, CultureInfo.InvariantCulture))
            : throw new StepFailedException($"The container that measures volumes reported no figures: {output}");
    }

    static async Task<string> RunAsync(string[] arguments, CancellationToken ct)
    {
        var result = await DockerCommand.RunAsync(arguments, CommandTimeout, ct);
        return result.ExitCode switch
        {
            0 => result.Output,
            TimedOut or Terminated => throw new StepFailedException($"Measuring did not finish within {Timeout} s."),
            var code => throw new StepFailedException($"docker exited with {code}: {result.Output}"),
        };
    }

    [GeneratedRegex(@"^measured (\d{1,15}) (\d{1,12})\r?$", RegexOptions.Multiline)]
    private static partial Regex Measured();
}
