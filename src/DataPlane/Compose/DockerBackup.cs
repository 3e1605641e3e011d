using System.Globalization;
using System.IO.Compression;

namespace ControlPlane.DataPlane.Compose;

/// <summary>
/// The last copy of a deleted environment: <c>database.dump</c>, as deploy/vps/backup.sh writes it, and Open WebUI's files in <c>open-webui.tar.gz</c>. The folder has its name when both are
/// complete, so that an interrupted copy is never mistaken for one.
/// </summary>
sealed class DockerBackup(ProjectFolder folder, DataPlaneOptions options)
{
    /// <summary>Of each part.</summary>
    static readonly TimeSpan Timeout = TimeSpan.FromHours(1);

    /// <summary>Bytes that a copy may take up beyond twice what the environment stores.</summary>
    const long Slack = 1L << 30;

    public bool IsComplete(Guid tenant) => Directory.Exists(folder.BackupOf(tenant));

    /// <summary>Only the environment's database server may run.</summary>
    /// <exception cref="StepFailedException">The copy could not be made, or the disk has no room for it.</exception>
    public async Task<string> RunAsync(TenantEnvironment environment, CancellationToken ct)
    {
        var project = ComposeRendering.ProjectName(environment.Name);
        var (target, partial) = (folder.BackupOf(environment.Tenant), $"{folder.BackupOf(environment.Tenant)}.partial");
        RemoveFolder(partial);
        CreateFolder(partial);
        try
        {
            var most = 2 * await RequireRoomAsync(project, ct) + Slack;
            await WriteAsync(
                environment, Path.Combine(partial, "database.dump"), most,
                [
                    .. folder.ComposeCommand(environment.Name), "exec", "--no-TTY", ComposeServices.DatabaseService,
                    // In seconds, and inside: a process in the container outlives its docker command.
                    "timeout", Timeout.TotalSeconds.ToString("0", CultureInfo.InvariantCulture),
                    "pg_dump", "--username=postgres", "--lock-wait-timeout=60s", "--format=custom", TenantEnvironment.DatabaseName,
                ],
                ct);
            await WriteAsync(
                environment, Path.Combine(partial, "open-webui.tar.gz"), most,
                [
                    "run", "--rm", "--network", "none", "--read-only", "--user", "0:0", "--cap-drop", "ALL", "--cap-add", "DAC_READ_SEARCH",
                    "--security-opt", "no-new-privileges:true", "--memory", "1g", "--pids-limit", "32", "--log-driver", "none",
                    "--mount", $"type=volume,source={project}_open-webui,target=/files,readonly,volume-nocopy",
                    // A sparse file takes up as much as it does on disk.
                    "--entrypoint", "tar", await DockerVolumes.FindImageAsync(project, ct), "--create", "--sparse", "--directory", "/files", ".",
                ],
                ct, compress: true);
            Directory.Move(partial, target);
        }
        finally
        {
            RemoveFolder(partial);
        }

        return $"closed/{environment.Tenant}";
    }

    public void Remove(Guid tenant) => RemoveFolder(folder.BackupOf(tenant));

    // Compressed, it takes up less.
    /// <returns>Bytes that the environment stores.</returns>
    async Task<long> RequireRoomAsync(string project, CancellationToken ct)
    {
        var bytes = await DockerVolumes.MeasureAsync(project, Interruption.None, ct);
        var room = Room();
        if (bytes > room)
        {
            throw new StepFailedException(
                $"The environment stores {bytes >> 20} MiB, and the disk has {Math.Max(0, room) >> 20} MiB beyond its reserve (CONTROLPLANE_DISK_RESERVE): free some space and retry, or delete the tenant without a last copy.");
        }

        return bytes;
    }

    long Room() => new DriveInfo(folder.DataDirectory).AvailableFreeSpace - options.DiskReserve;

    async Task WriteAsync(TenantEnvironment environment, string path, long most, string[] arguments, CancellationToken ct, bool compress = false)
    {
        await using var file = new BoundedFileStream(path, most, Room);
        // Here, because an environment's image need not have a program for it.
        await using var target = compress ? new GZipStream(file, CompressionLevel.Fastest, leaveOpen: true) : (Stream)file;
        var result = await DockerCommand.RunAsync(arguments, Timeout + TimeSpan.FromMinutes(1), ct, standardOutput: PipeTarget.ToStream(target));
        await (compress ? target.DisposeAsync() : ValueTask.CompletedTask);
        file.Flush();
        if (result.ExitCode != 0)
        {
            throw new StepFailedException($"docker exited with {result.ExitCode}: {folder.RedactSecrets(environment.Name, result.Output)}");
        }
    }

    static void CreateFolder(string path)
    {
        Directory.CreateDirectory(path);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    static void RemoveFolder(string path)
    {
        if (Directory.Exists(path))
        {
            Directory.Delete(path, recursive: true);
        }
    }
}
