using System.Diagnostics;
using System.Runtime.Versioning;

namespace ControlPlane.Tests;

[Collection(FakeDocker.Name), UnsupportedOSPlatform("windows")]
public sealed class DockerComposeTests : IDisposable
{
    readonly string _data = Directory.CreateTempSubdirectory("environments-").FullName;

    [Fact]
    public async Task Starting_waits_for_health_and_then_passes_the_key_script_on_standard_input()
    {
        using var docker = new DockerOnPath("""case "$*" in *python3*) cat > "$(dirname "$0")/input";; *inspect*Containers*) ;; *inspect*) exit 1;; esac""");
        var dataPlane = CreateDataPlane();
        var environment = Samples.Environment("basic");

        var isolated = await dataPlane.IsolateAsync(environment, Samples.Secrets, default);
        await dataPlane.StartAsync(environment, default);

        Assert.Contains(docker.Calls, call => call.StartsWith("network create --internal --opt com.docker.network.bridge.inhibit_ipv4=true --subnet 192.168.24", StringComparison.Ordinal)
            && call.EndsWith(" --label controlplane.tenant=01900000-0000-7000-8000-000000000001 tenant-01900000-0000-7000-8000-000000000001_private", StringComparison.Ordinal));
        Assert.Contains("no container ollama", isolated, StringComparison.Ordinal);
        Assert.Contains(docker.Calls, call => call.StartsWith("network create --internal --opt com.docker.network.bridge.inhibit_ipv4=true --subnet 192.168.24", StringComparison.Ordinal) && call.EndsWith(" tenant-01900000-0000-7000-8000-000000000001_models", StringComparison.Ordinal));
        Assert.Contains("no API key for gemini", isolated, StringComparison.Ordinal);
        var up = Assert.Single(docker.Calls, call => call.Contains(" up ", StringComparison.Ordinal));
        Assert.Contains("--project-name tenant-01900000-0000-7000-8000-000000000001", up, StringComparison.Ordinal);
        Assert.Contains("up --detach --wait --wait-timeout 600", up, StringComparison.Ordinal);
        var script = await File.ReadAllTextAsync(Path.Combine(docker.Folder, "input"));
        Assert.All(["/key/generate", "/key/update", "allowed_routes"], (string part) => Assert.Contains(part, script, StringComparison.Ordinal));
        Assert.All(docker.Calls, call => Assert.DoesNotContain("value-of", call, StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_database_is_started_alone_and_with_the_files_and_networks_that_it_needs()
    {
        using var docker = new DockerOnPath("""case "$*" in "network inspect "*) exit 1 ;; *psql*) cat > "$(dirname "$0")/input"; echo done ;; esac""");
        var dataPlane = CreateDataPlane();

        await dataPlane.StartDatabaseAsync(Samples.Environment("basic"), Samples.Secrets, default);
        await dataPlane.RunBesideDatabaseAsync(
            Samples.Environment("basic"), ["psql", "--username=postgres"], PipeSource.FromString("select 1"), TimeSpan.FromMinutes(1), default);

        Assert.Equal(["start.sh", "logins.sql"], Directory.GetFiles(Path.Combine(_data, "environments", "01900000-0000-7000-8000-000000000001", "database")).Select(Path.GetFileName).OrderDescending());
        Assert.Contains(docker.Calls, call => call.StartsWith("network create --internal --opt com.docker.network.bridge.inhibit_ipv4=true --subnet 192.168.24", StringComparison.Ordinal)
            && call.EndsWith(" --label controlplane.tenant=01900000-0000-7000-8000-000000000001 tenant-01900000-0000-7000-8000-000000000001_private", StringComparison.Ordinal));
        var compose = docker.Calls.Where(call => call.StartsWith("compose ", StringComparison.Ordinal)).Select(call => call[(call.LastIndexOf(".env ", StringComparison.Ordinal) + 5)..]);
        Assert.Equal(["pull --quiet --policy missing database", "up --detach --wait --wait-timeout 600 database", "exec --no-TTY database psql --username=postgres"], compose);
        Assert.Equal("select 1", await File.ReadAllTextAsync(Path.Combine(docker.Folder, "input")));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Volumes_belong_to_the_containers_users_before_the_containers_start(bool restart)
    {
        using var docker = new DockerOnPath("exit 0");
        var dataPlane = CreateDataPlane();
        await dataPlane.IsolateAsync(Samples.Environment("basic"), Samples.Secrets, default);

        await (restart ? dataPlane.RestartAsync(Samples.Environment("basic"), default) : dataPlane.StartAsync(Samples.Environment("basic"), default));

        var calls = docker.Calls.Select(call => call[(call.LastIndexOf(".env ", StringComparison.Ordinal) + 5)..]).ToList();
        var up = calls.FindIndex(call => call.StartsWith("up ", StringComparison.Ordinal));
        const string Run = "run --rm --no-deps --no-TTY --user 0:0 --cap-add CHOWN --cap-add DAC_READ_SEARCH --entrypoint sh";
        Assert.Equal("pull --quiet --policy missing", calls[up - 3]);
        Assert.StartsWith($"{Run} open-webui -c ", calls[up - 2], StringComparison.Ordinal);
        Assert.EndsWith(" sh 1879048193:0 /app/backend/data", calls[up - 2], StringComparison.Ordinal);
        Assert.StartsWith($"{Run} litellm -c ", calls[up - 1], StringComparison.Ordinal);
        Assert.EndsWith(" sh 65534:65534 /var/spool/budget", calls[up - 1], StringComparison.Ordinal);
    }

    // Those of earlier releases belong to the control plane's user.
    [Fact]
    public async Task The_folder_of_a_dedicated_Ollama_belongs_to_the_environments_user_before_it_starts()
    {
        using var docker = new DockerOnPath("exit 0");
        var dataPlane = CreateDataPlane();
        await dataPlane.IsolateAsync(Samples.Environment("enterprise"), Samples.Secrets, default);

        await dataPlane.StartAsync(Samples.Environment("enterprise"), default);

        var run = Array.FindIndex(docker.Calls, call => call.EndsWith(" sh 1879048193:1654 /ollama/.ollama", StringComparison.Ordinal));
        Assert.Contains(" run --rm --no-deps --no-TTY --user 0:0 --cap-add CHOWN --cap-add DAC_READ_SEARCH --entrypoint sh ollama-dedicated -c ", docker.Calls[run], StringComparison.Ordinal);
        Assert.Contains(docker.Calls[run..], call => call.Contains(" up ", StringComparison.Ordinal));
    }

    // The script runs here as it does in the container, with the volume's present owner and with another one.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Files_of_a_volume_are_visited_only_while_its_root_has_another_owner(bool owned)
    {
        using var docker = new DockerOnPath(
            """
            case "$*" in *"--entrypoint sh"*)
                while [ "$1" != -c ]; do shift; done
                stat() { cat "$folder/owner"; }
                chown() { echo "chown $*" >> "$folder/chowned"; }
                find() { echo "find $*" >> "$folder/chowned"; }
                folder=$(dirname "$0"); script=$2; shift 3; eval "$script" ;;
            esac
            """);
        await File.WriteAllTextAsync(Path.Combine(docker.Folder, "owner"), owned ? "1879048193:0" : "0:0");
        var dataPlane = CreateDataPlane();
        await dataPlane.IsolateAsync(Samples.Environment("basic"), Samples.Secrets, default);

        await dataPlane.StartAsync(Samples.Environment("basic"), default);

        var chowned = Path.Combine(docker.Folder, "chowned");
        string[] calls = File.Exists(chowned) ? await File.ReadAllLinesAsync(chowned) : [];
        Assert.Equal(
            owned ? [] : ["find /app/backend/data -mindepth 1 -exec chown -h 1879048193:0 {} +", "chown 1879048193:0 /app/backend/data"],
            calls.Where(call => call.Contains("/app/backend/data", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("echo 33285996544", 14)]
    [InlineData("echo 8233545728", 1)]
    [InlineData("echo '<no value>'", null)]
    [InlineData("exit 1", null)]
    public async Task The_memory_of_the_engines_host_says_how_many_environments_it_carries(string script, int? environments)
    {
        using var docker = new DockerOnPath(script);
        Assert.Equal(environments, await CreateDataPlane().ReadCapacityAsync(default));
        Assert.Contains("info --format {{.MemTotal}}", docker.Calls);
    }

    [Fact]
    public async Task The_engine_says_how_many_cores_there_are()
    {
        using var docker = new DockerOnPath("""case "$*" in *NCPU*) echo 2 ;; esac""");
        await CreateDataPlane().IsolateAsync(Samples.Environment("enterprise"), Samples.Secrets, default);
        var file = await File.ReadAllTextAsync(Path.Combine(_data, "environments", "01900000-0000-7000-8000-000000000001", "compose.yaml"));
        Assert.DoesNotContain("cpus: 4", file, StringComparison.Ordinal);
        Assert.Contains("cpus: 2", file, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_secrets_file_holds_every_secret_and_only_its_owner_may_read_it()
    {
        using var docker = new DockerOnPath("exit 0");
        await CreateDataPlane().IsolateAsync(Samples.Environment("basic"), Samples.Secrets, default);

        var file = Path.Combine(_data, "environments", "01900000-0000-7000-8000-000000000001", ".env");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        var lines = await File.ReadAllLinesAsync(file);
        Assert.All(Samples.Secrets, secret => Assert.Contains($"{secret.Key.ToUpperInvariant()}='{secret.Value}'", lines));
        Assert.DoesNotContain(Directory.EnumerateFiles(Path.GetDirectoryName(file)!, "*", SearchOption.AllDirectories), name => name.EndsWith(".new", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_failure_reports_the_end_of_dockers_output_with_secrets_redacted()
    {
        using var docker = new DockerOnPath(
            """case "$*" in *up*) i=0; while [ $i -lt 3000 ]; do echo "pulling layer $i"; i=$((i+1)); done; echo "value-of-database-password: no space left on device" >&2; exit 17;; esac""");
        var dataPlane = CreateDataPlane();
        await dataPlane.IsolateAsync(Samples.Environment("basic"), Samples.Secrets, default);

        var failure = await Assert.ThrowsAsync<StepFailedException>(() => dataPlane.StartAsync(Samples.Environment("basic"), default));

        Assert.Contains("docker exited with 17", failure.Message, StringComparison.Ordinal);
        Assert.Contains("***: no space left on device", failure.Message, StringComparison.Ordinal);
        Assert.InRange(failure.Message.Length, 100, 4200);
    }

    [Fact]
    public async Task Cancelling_a_start_kills_the_docker_process()
    {
        using var docker = new DockerOnPath("""case "$*" in *up*) echo $$ > "$(dirname "$0")/pid"; sleep 300;; esac""");
        var dataPlane = CreateDataPlane();
        await dataPlane.IsolateAsync(Samples.Environment("basic"), Samples.Secrets, default);
        using var stop = new CancellationTokenSource();
        var start = dataPlane.StartAsync(Samples.Environment("basic"), stop.Token);
        var pidFile = Path.Combine(docker.Folder, "pid");
        while (!File.Exists(pidFile) || new FileInfo(pidFile).Length == 0)
        {
            await Task.Delay(20);
        }

        var pid = int.Parse(await File.ReadAllTextAsync(pidFile), System.Globalization.CultureInfo.InvariantCulture);
        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => start);
        var killed = Stopwatch.StartNew();
        while (Directory.Exists($"/proc/{pid}") && !(await File.ReadAllTextAsync($"/proc/{pid}/stat")).Contains(") Z ", StringComparison.Ordinal))
        {
            Assert.True(killed.Elapsed < TimeSpan.FromSeconds(10), "the docker command is still running");
            await Task.Delay(20);
        }
    }

    [Fact]
    public async Task Removal_disconnects_shared_containers_first_and_can_be_repeated()
    {
        using var docker = new DockerOnPath(
            """case "$*" in *Containers*_models) echo "ollama tenant-01900000-0000-7000-8000-000000000001-litellm-1";; *Containers*) echo "traefik postgres tenant-01900000-0000-7000-8000-000000000001-redis-1";; esac""");
        var dataPlane = CreateDataPlane();
        var environment = Samples.Environment("basic");
        await dataPlane.IsolateAsync(environment, Samples.Secrets, default);
        for (var i = 0; i < 2; i++)
        {
            await dataPlane.RemoveRouteAsync(environment, default);
            await dataPlane.RemoveWorkloadsAsync(environment, default);
            await dataPlane.RemoveIsolationAsync(environment, default);
        }

        var calls = docker.Calls.ToList();
        Assert.True(calls.IndexOf("network disconnect --force tenant-01900000-0000-7000-8000-000000000001_private postgres") < calls.IndexOf("network rm tenant-01900000-0000-7000-8000-000000000001_private"));
        Assert.True(calls.IndexOf("network disconnect --force tenant-01900000-0000-7000-8000-000000000001_models ollama") < calls.IndexOf("network rm tenant-01900000-0000-7000-8000-000000000001_models"));
        Assert.DoesNotContain(calls, call => call.Contains("disconnect", StringComparison.Ordinal) && call.Contains("redis", StringComparison.Ordinal));
        Assert.Contains("compose --project-name tenant-01900000-0000-7000-8000-000000000001 --profile weights down --volumes --remove-orphans", calls);
        Assert.False(Directory.Exists(Path.Combine(_data, "environments", "01900000-0000-7000-8000-000000000001")));
    }

    [Theory]
    [InlineData("exit 0", "compose")]
    [InlineData("exit 1", "render")]
    [InlineData("case \"$*\" in compose*) exit 1;; esac", "render")]
    [InlineData("sleep 60", "render")]
    public async Task Compose_is_chosen_if_an_engine_with_Compose_responds(string script, string setting)
    {
        using var docker = new DockerOnPath(script);
        var host = Environment.GetEnvironmentVariable("DOCKER_HOST");
        Environment.SetEnvironmentVariable("DOCKER_HOST", "unix:///nowhere");
        try
        {
            Assert.Equal(setting, await ChooseDataPlane.DetectAsync(default));
        }
        finally
        {
            Environment.SetEnvironmentVariable("DOCKER_HOST", host);
        }
    }

    [Theory]
    [InlineData("render", "rendered")]
    [InlineData("compose", "running")]
    [InlineData(null, "rendered")]
    public void The_setting_says_how_environments_are_run(string? setting, string ready) =>
        Assert.Equal(ready, ChooseDataPlane.Create(setting, CreateFolder(), Samples.Options).Ready);

    public void Dispose() => Directory.Delete(_data, recursive: true);

    DockerCompose CreateDataPlane(DataPlaneOptions? options = null) => new(CreateFolder(), options ?? Samples.Options);

    ProjectFolder CreateFolder() => new(new ControlPlaneOptions { Domain = "example.com", PublicUrl = new("https://portal.example.com"), DataDirectory = _data }, Samples.Options);
}
