using System.Net.Http.Headers;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using ControlPlane.Tests.Vps;

namespace ControlPlane.Tests.Engine;

[CollectionDefinition(Name)]
public sealed class SharedPlatform : ICollectionFixture<Platform>
{
    public const string Name = "engine";
}

/// <summary>
/// The platform of a VPS (<c>deploy/vps/compose.yaml</c>) on the Docker engine of this machine, with stand-in images (<c>scripts/build-stand-in-images</c>) and the control
/// plane of this build. No ports are published: tests reach the containers at their addresses.
/// </summary>
public sealed class Platform : IAsyncLifetime
{
    const string Image = "controlplane:stand-in";
    public const string Domain = "engine.example";
    static readonly string[] Names = ["traefik", "controlplane", "postgres", "ollama"];

    readonly string _data = Directory.CreateTempSubdirectory("controlplane-engine-").FullName;
    readonly Dictionary<string, Task<Tenant>> _tenants = [];
    readonly string _operatorKey = $"cpo_{RandomNumberGenerator.GetHexString(48, lowercase: true)}";

    /// <summary>Signed in as an operator.</summary>
    public HttpClient Operator { get; private set; } = null!;

    /// <summary>The proxy's entry point for requests from the internet.</summary>
    public HttpClient Internet { get; private set; } = null!;

    /// <summary>The control plane's folder, in its container as on the host.</summary>
    public string AppData => Path.Combine(_data, "app");

    public Uri ControlPlane => Operator.BaseAddress!;

    /// <summary>Whether the engine may set scores below 0, which root without <c>CAP_SYS_RESOURCE</c> may not.</summary>
    public bool LowersScores { get; private set; }

    public async Task InitializeAsync()
    {
        foreach (var name in Names)
        {
            Assert.True(
                await BelongsToTestsAsync(name), $"A container is named {name}: the tests of category Engine need an engine without a platform. Set DOCKER_HOST to another one.");
        }

        await RemoveAsync();
        LowersScores = (await Docker.TryAsync("run", "--rm", "--oom-score-adj", "-900", "--entrypoint", "true", Image)).IsSuccess;
        await WriteFilesAsync();
        await ComposeAsync("up", "--detach", "--wait", "--wait-timeout", "180");
        Operator = new() { BaseAddress = new($"http://{(await Docker.AddressesAsync("controlplane"))["controlplane_edge"]}:8080") };
        Operator.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", _operatorKey);
        Internet = new() { BaseAddress = new($"http://{(await Docker.AddressesAsync("traefik"))["controlplane_edge"]}:443") };
    }

    /// <summary>The ready environment of a plan, which all tests share: they do not change it.</summary>
    public Task<Tenant> TenantAsync(string plan)
    {
        lock (_tenants)
        {
            return _tenants.TryGetValue(plan, out var tenant) ? tenant : _tenants[plan] = Tenant.CreateAsync(this, plan);
        }
    }

    /// <summary>Runs SQL in the control plane's database.</summary>
    public static Task<string> QueryAsync(string sql) =>
        Docker.ExecAsync("postgres", "psql", "--username", "postgres", "--dbname", "controlplane", "--no-psqlrc", "--tuples-only", "--no-align", "--command", sql);

    public async Task DisposeAsync()
    {
        Operator?.Dispose();
        Internet?.Dispose();
        await RemoveAsync();
        // Their files belong to the users of the containers.
        await Docker.RunAsync("run", "--rm", "--user", "0:0", "--volume", $"{_data}:/data", "--entrypoint", "find", Image, "/data", "-mindepth", "1", "-delete");
        Directory.Delete(_data);
    }

    public Task ComposeAsync(params string[] arguments) => Docker.RunAsync(
    [
        "compose", "--project-name", "controlplane", "--env-file", Path.Combine(_data, "settings/platform.env"), "--file", Repository.At("deploy/vps/compose.yaml"),
        "--file", Path.Combine(_data, "settings/override.yaml"), .. arguments,
    ]);

    static async Task<bool> BelongsToTestsAsync(string container)
    {
        var label = await Docker.TryAsync("container", "inspect", "--format", """{{index .Config.Labels "controlplane.stand-in"}}""", container);
        return !label.IsSuccess || label.StandardOutput.Trim().Length > 0;
    }

    // Also what a former run left that was killed.
    static async Task RemoveAsync()
    {
        var projects = (await Docker.LinesAsync("ps", "--all", "--filter", "label=controlplane.stand-in", "--format", """{{.Label "com.docker.compose.project"}}"""))
            .Where(project => project.Length > 0).Append("controlplane").ToHashSet();
        var containers = await Docker.LinesAsync("ps", "--all", "--quiet", "--filter", "label=controlplane.stand-in");
        if (containers.Length > 0)
        {
            await Docker.RunAsync(["rm", "--force", "--volumes", .. containers]);
        }

        string[] networks = [.. (await Docker.LinesAsync("network", "ls", "--format", "{{.Name}}")).Where(IsOwn)];
        if (networks.Length > 0)
        {
            await Docker.RunAsync(["network", "rm", .. networks]);
        }

        string[] volumes = [.. (await Docker.LinesAsync("volume", "ls", "--quiet")).Where(name => !name.StartsWith("controlplane_", StringComparison.Ordinal) && IsOwn(name))];
        if (volumes.Length > 0)
        {
            await Docker.RunAsync(["volume", "rm", .. volumes]);
        }

        bool IsOwn(string name) => projects.Any(project => name.StartsWith($"{project}_", StringComparison.Ordinal));
    }

    // As create_folders and save_settings of deploy/vps/lib/settings.sh.
    async Task WriteFilesAsync()
    {
        const string Folders = """
            cd /data && mkdir -p app ollama/models/blobs ollama/models/manifests postgres traefik settings && chmod 711 . && chmod 700 app postgres traefik
            chown 1654:1654 app && chown 70:70 postgres && chown -R 1655:1655 ollama && chown -R 1656:1656 traefik && chmod 777 settings
            """;
        await Docker.RunAsync("run", "--rm", "--user", "0:0", "--volume", $"{_data}:/data", "--entrypoint", "sh", Image, "-euc", Folders);
        await File.WriteAllTextAsync(Path.Combine(_data, "settings/platform.env"), $"""
            CONTROLPLANE_VERSION=stand-in
            CONTROLPLANE_DOMAIN={Domain}
            CONTROLPLANE_REGION=local
            CONTROLPLANE_DATA={_data}
            CONTROLPLANE_ACME_MAIL=hostmaster@{Domain}
            CONTROLPLANE_OLLAMA_CPUS=1
            CONTROLPLANE_OLLAMA_MEMORY=6g
            CONTROLPLANE_POSTGRES_PASSWORD={RandomNumberGenerator.GetHexString(48)}
            CONTROLPLANE_DATABASE_PASSWORD={RandomNumberGenerator.GetHexString(48)}
            """);
        await File.WriteAllTextAsync(Path.Combine(_data, "settings/controlplane.env"), $"""
            CONTROLPLANE_OPERATOR_KEY={_operatorKey}
            CONTROLPLANE_SECRETS_KEY={Convert.ToBase64String(RandomNumberGenerator.GetBytes(32))}
            CONTROLPLANE_SEARCH_URL=https://search.example.com/search
            CONTROLPLANE_SEARCH_KEY={RandomNumberGenerator.GetHexString(48)}
            """);
        var score = LowersScores ? "" : "oom_score_adj: 0";
        var socket = Environment.GetEnvironmentVariable("DOCKER_HOST") is { } host ? host.Replace("unix://", "", StringComparison.Ordinal) : "/var/run/docker.sock";
        var dotnet = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "../../.."));
        await File.WriteAllTextAsync(Path.Combine(_data, "settings/override.yaml"), $$"""
            services:
              traefik: { ports: !override [], {{score}} }
              controlplane: { volumes: ["{{BuildOf("functions/Local")}}:/app:ro", "{{dotnet}}:/usr/share/dotnet:ro"], {{score}} }
              docker-reader: { volumes: ["{{socket}}:/var/run/docker.sock:ro"], {{score}} }
              docker-writer: { volumes: ["{{socket}}:/var/run/docker.sock:ro"], {{score}} }
              postgres: { {{score}} }
              ollama: { {{score}} }
            """);
    }

    // Built with the tests, in the same configuration.
    static string BuildOf(string project)
    {
        var own = new DirectoryInfo(AppContext.BaseDirectory);
        return Path.Combine(Repository.At(project), "bin", own.Parent!.Name, own.Name);
    }
}
