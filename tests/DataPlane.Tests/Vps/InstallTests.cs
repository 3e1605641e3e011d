using System.Runtime.Versioning;

namespace ControlPlane.Tests.Vps;

/// <summary>deploy/vps/install.sh on a fake host: only the shell and the files are real.</summary>
[UnsupportedOSPlatform("windows")]
[Trait("Category", "Slow")]
public sealed class InstallTests
{
    [Fact]
    public void Installation_starts_the_platform_and_prints_its_addresses()
    {
        using var host = new FakeHost();
        var result = host.Install();

        Assert.Equal((0, ""), (result.ExitCode, result.Errors));
        Assert.Contains("https://llm.example.com/\n", result.Output, StringComparison.Ordinal);
        Assert.Contains($"CONTROLPLANE_OPERATOR_KEY in {host.Data}/settings/controlplane.env", result.Output, StringComparison.Ordinal);
        Assert.Contains(host.Calls, call => call.StartsWith("docker build ", StringComparison.Ordinal) && call.Contains("--tag controlplane:1.0.0 ", StringComparison.Ordinal));
        Assert.Contains(host.Calls, call => call.StartsWith("docker compose --project-name controlplane ", StringComparison.Ordinal) && call.Contains(" up --detach --wait", StringComparison.Ordinal));
        Assert.Contains("systemctl enable --quiet controlplane.service", host.Calls);
        Assert.Contains("systemctl start controlplane.service", host.Calls);
        Assert.Contains("systemctl enable --quiet --now controlplane-backup.timer", host.Calls);
        Assert.Contains(host.Calls, call => call.EndsWith(" run --rm --no-TTY ollama-models pull mistral:7b-instruct", StringComparison.Ordinal));
        Assert.Equal(("llm.example.com", "local", "1.0.0", "hostmaster@llm.example.com"), Installed(host));
        Assert.Equal($"{host.Data}/settings", File.ResolveLinkTarget(host.At("root/etc/controlplane"), returnFinalTarget: false)!.FullName);
    }

    [Fact]
    public void A_second_run_changes_nothing_and_keeps_every_secret()
    {
        using var host = new FakeHost();
        host.Install();
        var before = Files(host);
        host.ClearCalls();

        // Without settings, as in a second run by hand.
        var again = host.Run("opt/1.0.0/deploy/vps/install.sh", []);

        Assert.Equal((0, ""), (again.ExitCode, again.Errors));
        Assert.Equal(before, Files(host).Where(file => !file.Key.Contains("/backups/", StringComparison.Ordinal)));
        Assert.DoesNotContain(host.Calls, call => call.StartsWith("docker build ", StringComparison.Ordinal) || call.StartsWith("apt-get", StringComparison.Ordinal));
    }

    [Fact]
    public void A_newer_release_upgrades_after_a_backup()
    {
        using var host = new FakeHost();
        host.Install();
        var secrets = host.Settings("platform.env");
        host.Unpack("1.1.0");
        host.ClearCalls();

        Assert.Equal(0, host.Install("1.1.0").ExitCode);

        var calls = host.Calls.ToList();
        var (backup, build) = (calls.FindIndex(call => call.Contains(" pg_dump ", StringComparison.Ordinal)), calls.FindIndex(call => call.Contains("--tag controlplane:1.1.0 ", StringComparison.Ordinal)));
        Assert.True(backup >= 0 && backup < build && build < calls.FindIndex(call => call.Contains(" up ", StringComparison.Ordinal)), string.Join('\n', calls));
        Assert.Equal(secrets.Where(setting => setting.Key != "CONTROLPLANE_VERSION"), host.Settings("platform.env").Where(setting => setting.Key != "CONTROLPLANE_VERSION"));
        Assert.Equal("1.1.0", host.Settings("platform.env")["CONTROLPLANE_VERSION"]);
        Assert.Equal(host.At("opt/1.1.0/deploy/vps/controlplane.sh"), File.ResolveLinkTarget(host.At("root/usr/local/sbin/controlplane"), returnFinalTarget: false)!.FullName);
    }

    [Theory]
    [InlineData("tenant-one-database-1", true)]
    [InlineData("controlplane", false)]
    public void An_upgrade_needs_a_backup_of_the_control_plane_only(string failing, bool upgrades)
    {
        using var host = new FakeHost();
        host.Install();
        host.SetState("environments", "tenant-one running\n");
        host.SetState("full", $"{failing}\n");
        host.Unpack("1.1.0");

        var result = host.Install("1.1.0");

        Assert.Equal(upgrades ? 0 : 1, result.ExitCode);
        Assert.Contains("These backups failed:", result.Errors, StringComparison.Ordinal);
        Assert.Equal(upgrades ? "1.1.0" : "1.0.0", host.Settings("platform.env")["CONTROLPLANE_VERSION"]);
    }

    [Fact]
    public void A_new_host_with_the_old_disk_keeps_the_secrets()
    {
        using var host = new FakeHost();
        host.Install();
        var (platform, operators) = (host.Settings("platform.env"), host.Settings("controlplane.env"));
        File.Delete(host.At("root/etc/controlplane"));
        Directory.Delete(host.At("state"), recursive: true);
        Directory.CreateDirectory(host.At("state"));

        Assert.Equal(0, host.Install().ExitCode);
        Assert.Equal(platform, host.Settings("platform.env"));
        Assert.Equal(operators, host.Settings("controlplane.env"));
    }

    [Fact]
    public void Secrets_are_never_arguments_or_output_and_only_root_may_read_them()
    {
        using var host = new FakeHost();
        var result = host.Install();
        var secrets = host.Settings("platform.env").Concat(host.Settings("controlplane.env"))
            .Where(setting => setting.Key.EndsWith("PASSWORD", StringComparison.Ordinal) || setting.Key.EndsWith("KEY", StringComparison.Ordinal)).ToList();

        Assert.Equal(4, secrets.Count);
        Assert.All(secrets, secret =>
        {
            Assert.True(secret.Value.Length >= 40, secret.Key);
            Assert.DoesNotContain(secret.Value, result.Output, StringComparison.Ordinal);
            Assert.DoesNotContain(host.Calls, call => call.Contains(secret.Value, StringComparison.Ordinal));
        });
        Assert.Equal(32, Convert.FromBase64String(host.Settings("controlplane.env")["CONTROLPLANE_SECRETS_KEY"]).Length);
        const UnixFileMode own = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        Assert.All(Directory.GetFiles(Path.Combine(host.Data, "settings")), file => Assert.Equal(own, File.GetUnixFileMode(file)));
        Assert.All(["app", "postgres", "traefik", "backups", "settings"], (string folder) =>
            Assert.Equal(own | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.Combine(host.Data, folder))));
    }

    [Fact]
    public void Settings_of_the_operator_are_never_overwritten()
    {
        using var host = new FakeHost();
        host.Install();
        var file = Path.Combine(host.Data, "settings/controlplane.env");
        File.WriteAllText(file, "CONTROLPLANE_OPERATOR_KEY=mine\nCONTROLPLANE_SMTP='smtp://mail.example.com'\n");
        var again = host.Install();
        Assert.Equal("mine", host.Settings("controlplane.env")["CONTROLPLANE_OPERATOR_KEY"]);
        Assert.DoesNotContain("Email is written to", again.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("8", "7"), InlineData("2", "1"), InlineData("1", "1")]
    public void The_shared_Ollama_leaves_a_core_to_the_platform_unless_another_limit_is_set(string cores, string limit)
    {
        using var host = new FakeHost();
        host.SetState("cores", cores);
        host.Install();
        Assert.Equal((limit, "16g"), (host.Settings("platform.env")["CONTROLPLANE_OLLAMA_CPUS"], host.Settings("platform.env")["CONTROLPLANE_OLLAMA_MEMORY"]));

        Assert.Equal(0, host.Install(settings: [("CONTROLPLANE_OLLAMA_CPUS", "0.5"), ("CONTROLPLANE_OLLAMA_MEMORY", "8192m")]).ExitCode);
        host.Install();
        Assert.Equal(("0.5", "8192m"), (host.Settings("platform.env")["CONTROLPLANE_OLLAMA_CPUS"], host.Settings("platform.env")["CONTROLPLANE_OLLAMA_MEMORY"]));
    }

    [Fact]
    public void The_folders_that_Ollama_cannot_create_are_there_before_it_starts()
    {
        using var host = new FakeHost();
        host.Install();
        Assert.All(["blobs", "manifests"], (string folder) => Assert.True(Directory.Exists(Path.Combine(host.Data, "ollama/models", folder))));
        Assert.Contains($"chown -R 1655:1655 {host.Data}/ollama", host.Calls);
    }

    [Theory]
    [InlineData("ubuntu", "24.04", "docker.io docker-buildx docker-compose-v2")]
    [InlineData("debian", "13", "docker.io docker-cli docker-buildx docker-compose")]
    public void A_missing_Docker_is_installed_with_its_volumes_on_the_data_disk(string distribution, string release, string packages)
    {
        using var host = new FakeHost(distribution, release, withDocker: false);
        var result = host.Install();
        Assert.Equal((0, ""), (result.ExitCode, result.Errors));
        Assert.Contains($"apt-get install --quiet --yes --no-install-recommends {packages}", host.Calls);
        Assert.Contains($"\"data-root\": \"{host.Data}/docker\"", File.ReadAllText(host.At("root/etc/docker/daemon.json")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/var/lib/docker", true)]
    [InlineData("/srv/volumes", false)]
    public void A_disk_that_environments_and_the_control_plane_share_is_pointed_out(string dockerRoot, bool shared)
    {
        using var host = new FakeHost();
        host.SetState("docker-root", dockerRoot);
        Assert.Equal(shared, host.Install().Output.Contains("Environments and the control plane share a disk", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("ext4 /var/lib/controlplane", true)]
    [InlineData("xfs /var/lib/controlplane", false)]
    public void The_blocks_that_ext4_keeps_free_are_for_the_database_and_the_control_plane(string fileSystem, bool reserves)
    {
        using var host = new FakeHost();
        host.SetState("file-system", fileSystem);
        Assert.Equal(0, host.Install().ExitCode);
        Assert.Contains($"findmnt --noheadings --output FSTYPE,TARGET --target {host.Data}/settings", host.Calls);
        Assert.Equal(reserves, host.Calls.Contains("mount --options remount,resgid=1657 /var/lib/controlplane"));
    }

    [Fact]
    public void A_limit_of_volumes_needs_a_file_system_with_quotas()
    {
        using var host = new FakeHost();
        host.Install();
        File.AppendAllText(Path.Combine(host.Data, "settings/controlplane.env"), "CONTROLPLANE_VOLUME_LIMIT=60\n");
        Assert.Equal(0, host.Install().ExitCode);
        Assert.Contains("docker volume rm controlplane-quota", host.Calls);

        host.SetState("no-quota");
        host.ClearCalls();
        var refused = host.Install();
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("Docker cannot limit volumes here", refused.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain(host.Calls, call => call.Contains(" up ", StringComparison.Ordinal));
    }

    [Fact]
    public void An_existing_Docker_installation_is_not_reconfigured()
    {
        using var host = new FakeHost();
        host.Install();
        Assert.False(File.Exists(host.At("root/etc/docker/daemon.json")));
    }

    static (string, string, string, string) Installed(FakeHost host)
    {
        var platform = host.Settings("platform.env");
        return (platform["CONTROLPLANE_DOMAIN"], platform["CONTROLPLANE_REGION"], platform["CONTROLPLANE_VERSION"], platform["CONTROLPLANE_ACME_MAIL"]);
    }

    static Dictionary<string, string> Files(FakeHost host) => Directory.GetFiles(host.Data, "*", SearchOption.AllDirectories)
        .Concat(Directory.GetFiles(host.At("root"), "*", SearchOption.AllDirectories)).ToDictionary(file => file, File.ReadAllText);
}
