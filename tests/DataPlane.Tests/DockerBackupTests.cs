using System.IO.Compression;
using System.Runtime.Versioning;

namespace ControlPlane.Tests;

/// <summary>The last copy of an environment that is deleted.</summary>
[Collection(FakeDocker.Name), UnsupportedOSPlatform("windows")]
public sealed class DockerBackupTests : IDisposable
{
    // Volumes of 1 MiB, as the measuring container reports them.
    const string Engine = """
        case "$*" in
            "volume ls "*) echo tenant-01900000-0000-7000-8000-000000000001_database; echo tenant-01900000-0000-7000-8000-000000000001_open-webui ;;
            *pg_dump*) echo "the dump"; [ ! -e "$(dirname "$0")/broken" ] || { echo "value-of-database-password: invalid page" >&2; exit 1; } ;;
            *"--entrypoint tar"*) echo "the files" ;;
            "run "*) echo "measured 1024 2" ;;
        esac
        """;

    readonly string _data = Directory.CreateTempSubdirectory("environments-").FullName;

    string Copy => Path.Combine(_data, "closed", "01900000-0000-7000-8000-000000000001");

    [Fact]
    public async Task Only_the_database_server_runs_while_an_environment_is_copied_and_nothing_is_removed()
    {
        using var docker = new DockerOnPath(Engine);
        var dataPlane = await CreateAsync();

        Assert.Equal("closed/01900000-0000-7000-8000-000000000001", await dataPlane.BackUpAsync(Samples.Environment("basic"), default));

        Assert.Equal("the dump\n", await File.ReadAllTextAsync(Path.Combine(Copy, "database.dump")));
        await using var archive = new GZipStream(File.OpenRead(Path.Combine(Copy, "open-webui.tar.gz")), CompressionMode.Decompress);
        using var files = new StreamReader(archive);
        Assert.Equal("the files\n", await files.ReadToEndAsync());
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Copy));
        var calls = docker.Calls.ToList();
        var (stop, up, dump) = (Find(" --profile weights stop"), Find(" up --detach --wait --wait-timeout 600 database"), Find("--format=custom environment"));
        Assert.True(stop < up && up < dump, string.Join('\n', calls));
        Assert.Contains(calls, call => call.Contains("--mount type=volume,source=tenant-01900000-0000-7000-8000-000000000001_open-webui,target=/files,readonly,volume-nocopy", StringComparison.Ordinal));
        Assert.DoesNotContain(calls, call => call.Contains(" down ", StringComparison.Ordinal) || call.Contains(" rm ", StringComparison.Ordinal));

        int Find(string end) => calls.FindIndex(call => call.EndsWith(end, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_complete_copy_is_kept_when_the_deletion_is_repeated_and_deleted_when_it_has_expired()
    {
        using var docker = new DockerOnPath(Engine);
        var dataPlane = await CreateAsync();
        await dataPlane.BackUpAsync(Samples.Environment("basic"), default);
        var calls = docker.Calls.Length;

        Assert.Equal("copied before", await dataPlane.BackUpAsync(Samples.Environment("basic"), default));
        Assert.Equal(calls, docker.Calls.Length);

        await dataPlane.RemoveBackupAsync(Samples.Environment("basic").Tenant, default);
        await dataPlane.RemoveBackupAsync(Samples.Environment("basic").Tenant, default);
        Assert.False(Directory.Exists(Copy));
    }

    [Fact]
    public async Task A_copy_that_fails_says_why_and_is_not_mistaken_for_one_by_the_next_attempt()
    {
        using var docker = new DockerOnPath(Engine);
        var dataPlane = await CreateAsync();
        var broken = Path.Combine(docker.Folder, "broken");
        await File.WriteAllTextAsync(broken, "");

        var failure = await Assert.ThrowsAsync<StepFailedException>(() => dataPlane.BackUpAsync(Samples.Environment("basic"), default));

        Assert.Equal("docker exited with 1: ***: invalid page", failure.Message);
        Assert.Empty(Directory.GetDirectories(Path.Combine(_data, "closed")));
        File.Delete(broken);
        await dataPlane.BackUpAsync(Samples.Environment("basic"), default);
        Assert.True(Directory.Exists(Copy));
    }

    [Fact]
    public async Task A_copy_leaves_the_reserve_of_the_disk_free()
    {
        using var docker = new DockerOnPath(Engine);
        var free = new DriveInfo(_data).AvailableFreeSpace;
        var dataPlane = await CreateAsync(Samples.Options with { DiskReserve = free + (1L << 40) });

        var failure = await Assert.ThrowsAsync<StepFailedException>(() => dataPlane.BackUpAsync(Samples.Environment("basic"), default));

        Assert.StartsWith("The environment stores 1 MiB, and the disk has 0 MiB beyond its reserve (CONTROLPLANE_DISK_RESERVE)", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(docker.Calls, call => call.Contains("pg_dump", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(10, long.MaxValue, "The copy is larger than")]
    [InlineData(100, 0, "The disk has no room")]
    public async Task A_copy_ends_before_it_fills_the_disk(long most, long room, string reason)
    {
        var path = Path.Combine(_data, "dump");
        await using var file = new BoundedFileStream(path, most, () => room);
        var failure = await Assert.ThrowsAsync<StepFailedException>(async () => await file.WriteAsync(new byte[11]));
        Assert.StartsWith(reason, failure.Message, StringComparison.Ordinal);
        Assert.Equal(0, new FileInfo(path).Length);
    }

    [Fact]
    public async Task Of_an_environment_without_volumes_there_is_nothing_to_copy()
    {
        using var docker = new DockerOnPath("exit 0");
        Assert.Equal("there is nothing to copy", await (await CreateAsync()).BackUpAsync(Samples.Environment("basic"), default));
        Assert.DoesNotContain(docker.Calls, call => call.Contains(" up ", StringComparison.Ordinal));
    }

    // A later owner of the slug has an environment of another name.
    [Fact]
    public async Task Environments_are_named_by_the_tenants_id_and_those_of_former_releases_keep_their_name()
    {
        using var docker = new DockerOnPath("exit 0");
        var former = Samples.Environment("basic") with { FormerName = "beispiel-2" };
        var dataPlane = await CreateAsync();
        await dataPlane.IsolateAsync(former, Samples.Secrets, default);
        await dataPlane.IsolateAsync(Samples.Environment("basic") with { Tenant = Guid.Parse("01900000-0000-7000-8000-000000000002") }, Samples.Secrets, default);

        await dataPlane.RemoveWorkloadsAsync(former, default);
        await dataPlane.RemoveIsolationAsync(former, default);

        Assert.Contains(docker.Calls, call => call.Contains("--project-name tenant-beispiel-2 ", StringComparison.Ordinal) && call.EndsWith("down --volumes --remove-orphans", StringComparison.Ordinal));
        Assert.Equal(
            ["01900000-0000-7000-8000-000000000001", "01900000-0000-7000-8000-000000000002"],
            Directory.GetDirectories(Path.Combine(_data, "environments")).Select(Path.GetFileName).Order());
        var rendered = ComposeRendering.Render(Samples.Environment("enterprise"), Samples.Options, "/models").Compose;
        Assert.All(rendered.Split('\n').Where(line => line.Contains("beispiel-2", StringComparison.Ordinal)), line => Assert.Contains("beispiel-2.users.example.com", line, StringComparison.Ordinal));
    }

    public void Dispose() => Directory.Delete(_data, recursive: true);

    /// <summary>With the files of a basic environment.</summary>
    async Task<DockerCompose> CreateAsync(DataPlaneOptions? options = null)
    {
        options ??= Samples.Options with { DiskReserve = 0 };
        var folder = new ProjectFolder(new ControlPlaneOptions { Domain = "example.com", PublicUrl = new("https://portal.example.com"), DataDirectory = _data }, options);
        var dataPlane = new DockerCompose(folder, options);
        await dataPlane.IsolateAsync(Samples.Environment("basic"), Samples.Secrets, default);
        return dataPlane;
    }
}
