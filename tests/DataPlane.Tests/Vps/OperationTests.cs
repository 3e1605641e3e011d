using System.Runtime.Versioning;

namespace ControlPlane.Tests.Vps;

/// <summary>Operation after the installation: start, backup and removal.</summary>
[UnsupportedOSPlatform("windows")]
[Trait("Category", "Slow")]
public sealed class OperationTests : IDisposable
{
    readonly FakeHost _host = new();

    public OperationTests()
    {
        Assert.Equal(0, _host.Install().ExitCode);
        _host.ClearCalls();
    }

    [Fact]
    public void Recreated_containers_are_reconnected_to_the_tenants_networks()
    {
        _host.SetState("networks", "tenant-acme\ntenant-beta\n");
        _host.SetState("members", "ollama tenant-acme-litellm-1 ");
        Assert.Equal(0, _host.Run("root/usr/local/sbin/controlplane", ["start"]).ExitCode);
        Assert.Equal(
            ["docker network connect tenant-acme traefik", "docker network connect tenant-acme postgres", "docker network connect tenant-beta traefik", "docker network connect tenant-beta postgres"],
            _host.Calls.Where(call => call.Contains(" connect ", StringComparison.Ordinal)));
    }

    [Fact]
    public void Other_commands_are_passed_to_Compose_with_the_platforms_settings()
    {
        _host.Run("root/usr/local/sbin/controlplane", ["logs", "--tail", "5", "traefik"]);
        Assert.Equal(
            $"docker compose --project-name controlplane --env-file {_host.At("root/etc/controlplane/platform.env")} --file {_host.At("opt/1.0.0/deploy/vps/compose.yaml")} logs --tail 5 traefik",
            Assert.Single(_host.Calls));
    }

    [Fact]
    public void A_backup_contains_roles_and_all_databases_and_is_kept_for_seven_days()
    {
        _host.SetState("environments", "env_one\nenv_two\n");
        var old = Path.Combine(_host.Data, "backups/2020-01-01T000000Z.dump");
        File.WriteAllText(old, "");
        File.SetLastWriteTimeUtc(old, DateTime.UnixEpoch);
        Assert.Equal(0, Backup().ExitCode);
        var files = Directory.GetFiles(Path.Combine(_host.Data, "backups")).Order(StringComparer.Ordinal).ToArray();
        Assert.Equal(["the dump\n", "the dump\n", "the roles\n", "the dump\n"], files.Select(File.ReadAllText));
        Assert.Contains(_host.Calls, call => call.EndsWith("pg_dump --username postgres --format custom env_two", StringComparison.Ordinal));
        Assert.All(files, file => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file)));
    }

    [Fact]
    public void A_failed_backup_is_reported_and_leaves_no_file()
    {
        _host.SetState("full");
        var result = Backup();
        Assert.Equal(1, result.ExitCode);
        Assert.Contains(".dump failed", result.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain(Directory.GetFiles(Path.Combine(_host.Data, "backups")), file => file.EndsWith(".dump", StringComparison.Ordinal) || file.Contains("partial", StringComparison.Ordinal));
    }

    [Fact]
    public void Uninstalling_keeps_the_data_for_a_later_installation()
    {
        _host.SetState("networks", "tenant-acme\n");
        var settings = _host.Settings("platform.env");
        Assert.Equal(0, Uninstall().ExitCode);
        Assert.Contains("docker compose --project-name tenant-acme stop", _host.Calls);
        Assert.Empty(Directory.GetFiles(_host.At("root/etc/systemd/system"), "*", SearchOption.AllDirectories));
        Assert.False(File.Exists(_host.At("root/usr/local/sbin/controlplane")));
        var again = _host.Install();
        Assert.Equal((0, ""), (again.ExitCode, again.Errors));
        Assert.Equal(settings, _host.Settings("platform.env"));
    }

    [Fact]
    public void Data_is_deleted_only_on_request()
    {
        _host.SetState("networks", "tenant-acme\n");
        Assert.Equal(1, Uninstall("--data").ExitCode);
        Assert.Equal(0, Uninstall("--delete-data").ExitCode);
        Assert.Contains("docker compose --project-name tenant-acme down --volumes", _host.Calls);
        Assert.Contains("docker network rm tenant-acme", _host.Calls);
        Assert.Empty(Directory.GetFileSystemEntries(_host.Data));
        Assert.Contains("not installed on this host", Uninstall().Errors, StringComparison.Ordinal);
    }

    public void Dispose() => _host.Dispose();

    ScriptResult Backup() => _host.Run("opt/1.0.0/deploy/vps/backup.sh", []);

    ScriptResult Uninstall(params string[] options) => _host.Run("opt/1.0.0/deploy/vps/uninstall.sh", options);
}
