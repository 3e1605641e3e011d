using System.Runtime.Versioning;

namespace ControlPlane.Tests.Vps;

/// <summary>Backups, and restoring an environment.</summary>
[UnsupportedOSPlatform("windows")]
[Trait("Category", "Slow")]
public sealed class BackupTests : IDisposable
{
    readonly FakeHost _host = new();

    public BackupTests()
    {
        Assert.Equal(0, _host.Install().ExitCode);
        _host.ClearCalls();
    }

    [Fact]
    public void A_backup_contains_roles_and_all_databases_and_is_kept_for_seven_days()
    {
        _host.SetState("environments", "tenant-one running\ntenant-two running\n");
        _host.SetState("former", "env_three\n");
        var old = Path.Combine(_host.Data, "backups/2020-01-01T000000Z.dump");
        File.WriteAllText(old, "");
        File.SetLastWriteTimeUtc(old, DateTime.UnixEpoch);
        Assert.Equal(0, Backup().ExitCode);
        Assert.Equal(["-env_three.dump", "-roles.sql", "-tenant-one.dump", "-tenant-two.dump", ".dump"], Backups());
        var files = Directory.GetFiles(Path.Combine(_host.Data, "backups"));
        Assert.All(files, file => Assert.Equal(file.EndsWith("roles.sql", StringComparison.Ordinal) ? "the roles\n" : "the dump\n", File.ReadAllText(file)));
        Assert.Contains("docker exec tenant-two-database-1 timeout 900 pg_dump --username postgres --lock-wait-timeout=60s --format custom environment", _host.Calls);
        Assert.Contains("docker exec postgres timeout 900 pg_dump --username postgres --lock-wait-timeout=60s --format custom env_three", _host.Calls);
        Assert.All(files, file => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file)));
    }

    [Fact]
    public void A_failed_backup_is_reported_and_leaves_no_file()
    {
        _host.SetState("full", "controlplane\n");
        var result = Backup();
        Assert.Equal(1, result.ExitCode);
        Assert.Matches(@"These backups failed: \S+Z\.dump\n", result.Errors);
        Assert.Equal(["-roles.sql"], Backups());
    }

    [Fact]
    public void An_environment_that_cannot_be_backed_up_stops_neither_the_others_nor_the_deletion_of_old_backups()
    {
        _host.SetState("environments", "tenant-one running\ntenant-two restarting\ntenant-three running\ntenant-four exited\n");
        _host.SetState("full", "tenant-one-database-1\ntenant-two-database-1\n");
        string[] old =
        [
            "2020-01-01T000000Z-tenant-one.dump", "2020-01-02T000000Z-tenant-one.dump", "2020-01-01T000000Z-tenant-three.dump", "2020-01-01T000000Z-tenant-four.dump",
            "2020-01-01T000000Z.dump",
        ];
        foreach (var name in old)
        {
            File.WriteAllText(Path.Combine(_host.Data, "backups", name), "");
            File.SetLastWriteTimeUtc(Path.Combine(_host.Data, "backups", name), DateTime.UnixEpoch);
        }

        var result = Backup();

        Assert.Equal(2, result.ExitCode);
        Assert.Matches(@"These backups failed: \S+Z-tenant-one\.dump \S+Z-tenant-two\.dump\n", result.Errors);
        // The newest of those that failed, or whose server is stopped, is kept.
        Assert.Equal(["-roles.sql", "-tenant-four.dump", "-tenant-one.dump", "-tenant-three.dump", ".dump"], Backups());
        Assert.True(File.Exists(Path.Combine(_host.Data, "backups/2020-01-02T000000Z-tenant-one.dump")));
        Assert.DoesNotContain(_host.Calls, call => call.Contains("exec tenant-four", StringComparison.Ordinal));
    }

    [Fact]
    public void Backups_of_environments_leave_the_reserve_free_and_the_control_plane_is_backed_up_in_any_case()
    {
        _host.SetState("environments", "tenant-one running\n");
        Assert.Equal(0, Backup().ExitCode);
        _host.SetState("free", "5242880");

        var result = Backup();

        Assert.Equal(2, result.ExitCode);
        Assert.Matches(@"These backups failed: \S+Z-tenant-one\.dump\n", result.Errors);
        Assert.Equal(["-roles.sql", "-tenant-one.dump", ".dump"], Backups().Distinct());

        // What would be larger than the room that is left ends without a backup.
        _host.SetState("free", "5242944");
        _host.SetState("large", "tenant-one-database-1\n");
        Assert.Equal(2, Backup().ExitCode);
        Assert.DoesNotContain(Directory.GetFiles(Path.Combine(_host.Data, "backups")), file => new FileInfo(file).Length > 65_536 || file.Contains("partial", StringComparison.Ordinal));
    }

    [Fact]
    public void An_environment_that_fills_the_room_for_backups_leaves_it_to_the_next()
    {
        _host.SetState("environments", "tenant-one running\ntenant-two running\n");
        _host.SetState("free", "5242944");
        _host.SetState("large", "tenant-one-database-1\n");

        var result = Backup();

        Assert.Equal(2, result.ExitCode);
        Assert.Matches(@"These backups failed: \S+Z-tenant-one\.dump\n", result.Errors);
        Assert.Equal(["-roles.sql", "-tenant-two.dump", ".dump"], Backups());
    }

    [Theory]
    [InlineData("2026-01-31T013000Z-tenant-0190-7000.dump")]
    [InlineData("2026-01-31T013000Z-env_0123.dump")]
    public void An_environment_is_restored_by_its_own_logins_and_replaced_at_the_end(string backup)
    {
        _host.SetState("former", "env_0123\n");
        _host.SetState("name", "0190-7000\n");
        var result = Restore("the dump\n", backup);
        Assert.Equal((0, ""), (result.ExitCode, result.Errors));
        Assert.Equal(
            [
                "docker exec -i tenant-0190-7000-database-1 pg_restore --username open_webui --dbname restored --no-owner --no-privileges --exit-on-error --schema open_webui",
                "docker exec -i tenant-0190-7000-database-1 pg_restore --username litellm --dbname restored --no-owner --no-privileges --exit-on-error --schema litellm",
            ],
            _host.Calls.Where(call => call.Contains("pg_restore", StringComparison.Ordinal)));
        var sql = File.ReadAllText(_host.At("state/sql"));
        Assert.Contains("create schema litellm authorization litellm;", sql, StringComparison.Ordinal);
        Assert.Contains("revoke all on database restored from public;", sql, StringComparison.Ordinal);
        Assert.Contains("alter database restored rename to environment;", sql, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("open_webui")]
    [InlineData("litellm")]
    public void An_environment_that_cannot_be_restored_is_left_as_it_is(string schema)
    {
        _host.SetState("no-restore", schema);
        var result = Restore("the dump\n");
        Assert.Equal(1, result.ExitCode);
        Assert.Contains($"The schema {schema} of", result.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("drop database if exists environment", File.ReadAllText(_host.At("state/sql")), StringComparison.Ordinal);
        Assert.EndsWith("drop database if exists restored with (force);\n", File.ReadAllText(_host.At("state/sql")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("2026-01-31T013000Z.dump", "is not a backup of the environment one")]
    [InlineData("2026-01-31T013000Z-tenant-one.dump", "is not a backup of the environment one: its name must end with Z-tenant-0190-7000.dump.")]
    [InlineData("2026-01-31T013000Z-env_4567.dump", "is not a backup of the environment one: its name must end with Z-env_0123.dump.")]
    [InlineData(null, "There is no file")]
    [InlineData("2026-01-31T013000Z-tenant-0190-7000.dump", "is not running: restart or resume the environment first.")]
    public void Only_backups_of_an_environment_are_restored_and_only_to_its_running_server(string? name, string error)
    {
        _host.SetState("former", "env_0123\n");
        _host.SetState("name", "0190-7000\n");
        var path = _host.At(name ?? "missing");
        if (name is not null)
        {
            File.WriteAllText(path, "the dump\n");
        }

        var result = _host.Run(RestoreScript, ["one", path]);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains(error, result.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain(_host.Calls, call => call.Contains(" exec -i ", StringComparison.Ordinal));
    }

    public void Dispose() => _host.Dispose();

    const string RestoreScript = "opt/1.0.0/deploy/vps/restore-environment.sh";

    ScriptResult Restore(string content, string name = "2026-01-31T013000Z-tenant-0190-7000.dump")
    {
        _host.SetState("name", "0190-7000\n");
        _host.SetState("running-tenant-0190-7000-database-1", "");
        File.WriteAllText(_host.At(name), content);
        return _host.Run(RestoreScript, ["one", _host.At(name)]);
    }

    /// <summary>The names of all backups, without their times.</summary>
    IEnumerable<string> Backups() => Directory.GetFiles(Path.Combine(_host.Data, "backups"))
        .Select(file => Path.GetFileName(file)).Select(name => name[(name.IndexOf('Z', StringComparison.Ordinal) + 1)..]).Order(StringComparer.Ordinal);

    ScriptResult Backup() => _host.Run("opt/1.0.0/deploy/vps/backup.sh", []);
}
