using System.Runtime.Versioning;

namespace ControlPlane.Tests.Vps;

/// <summary>Errors of install.sh: one line that says what is wrong and what to do, before anything is changed.</summary>
[UnsupportedOSPlatform("windows")]
[Trait("Category", "Slow")]
public sealed class InstallErrorTests
{
    [Theory]
    [InlineData("CONTROLPLANE_DOMAIN", "", "CONTROLPLANE_DOMAIN is not set")]
    [InlineData("CONTROLPLANE_DOMAIN", "https://llm.example.com", "use a domain name in lower case")]
    [InlineData("CONTROLPLANE_DOMAIN", "localhost", "use a domain name in lower case")]
    [InlineData("CONTROLPLANE_DOMAIN", "a.example.com`) || Host(`b", "use a domain name in lower case")]
    [InlineData("CONTROLPLANE_DATA", "data", "use the absolute path of a folder")]
    [InlineData("CONTROLPLANE_DATA", "/", "use the absolute path of a folder")]
    [InlineData("CONTROLPLANE_DATA", "/srv/my data", "use the absolute path of a folder")]
    [InlineData("CONTROLPLANE_REGION", "EU Central", "for example eu-central-1")]
    [InlineData("CONTROLPLANE_ACME_MAIL", "nobody", "use an email address")]
    [InlineData("CONTROLPLANE_SSH_FROM", "198.51.100.0/28,10.0.0.0/8", "IPv4 ranges such as")]
    [InlineData("CONTROLPLANE_VPN_RANGES", "office", "IPv4 ranges such as")]
    [InlineData("CONTROLPLANE_DISK_SCHEDULER", "fast", "use bfq, or unchanged")]
    [InlineData("CONTROLPLANE_CONNECTIONS", "many", "use a number of connections per client address, or 0 for no limit")]
    [InlineData("CONTROLPLANE_OLLAMA_CPUS", "9", "use a number of cores up to the 8 of this host")]
    [InlineData("CONTROLPLANE_OLLAMA_CPUS", "0", "use a number of cores up to the 8 of this host")]
    [InlineData("CONTROLPLANE_OLLAMA_CPUS", "all", "use a number of cores up to the 8 of this host")]
    [InlineData("CONTROLPLANE_OLLAMA_MEMORY", "16 GB", "use megabytes or gigabytes, such as 16g")]
    public void An_invalid_setting_is_rejected_with_the_expected_format(string name, string value, string message)
    {
        using var host = new FakeHost();
        AssertRejected(host, host.Install(settings: (name, value)), message);
    }

    [Fact]
    public void A_setting_with_a_line_break_is_rejected()
    {
        using var host = new FakeHost();
        Assert.Equal(1, host.Install(settings: ("CONTROLPLANE_DOMAIN", "a.example.com\nCONTROLPLANE_VERSION=other")).ExitCode);
        Assert.False(Directory.Exists(Path.Combine(host.Data, "settings")));
    }

    [Theory]
    [InlineData("id", "1000", "Run it as root")]
    [InlineData("free", "1048576", "1 GiB of free space, but 20 GiB are required")]
    [InlineData("port-80", "LISTEN 0 511 *:80 *:* users:((\"nginx\",pid=1,fd=6))", "Port 80 is in use by nginx")]
    [InlineData("foreign-ollama", "", "Another container is already named ollama")]
    [InlineData("no-compose", "", "Docker Compose 2 is missing")]
    [InlineData("api", "1.43", "too old (API 1.43): version 25 or newer is required")]
    public void An_unsuitable_host_is_rejected_with_the_reason(string state, string content, string message)
    {
        using var host = new FakeHost();
        host.SetState(state, content);
        AssertRejected(host, host.Install(), message);
    }

    [Theory]
    [InlineData("fedora", "42", "Unsupported distribution fedora")]
    [InlineData("debian", "12", "Debian 12 does not include Docker Compose 2")]
    public void An_unsupported_distribution_is_rejected_with_the_reason(string distribution, string release, string message)
    {
        using var host = new FakeHost(distribution, release, withDocker: false);
        AssertRejected(host, host.Install(), message);
    }

    [Theory]
    [InlineData("CONTROLPLANE_DOMAIN", "other.example.com")]
    [InlineData("CONTROLPLANE_REGION", "elsewhere")]
    [InlineData("CONTROLPLANE_DATA", "/srv/elsewhere")]
    public void Fixed_settings_cannot_be_changed_by_a_later_run(string name, string value)
    {
        using var host = new FakeHost();
        host.Install();
        host.ClearCalls();
        AssertRejected(host, host.Install(settings: (name, value)), $"{name} is {value}, but this host was installed with");
    }

    [Fact]
    public void A_database_of_another_major_version_is_rejected()
    {
        using var host = new FakeHost();
        Directory.CreateDirectory(Path.Combine(host.Data, "postgres"));
        File.WriteAllText(Path.Combine(host.Data, "postgres/PG_VERSION"), "16\n");
        AssertRejected(host, host.Install(), "The database uses PostgreSQL 16, but this release requires 17");
    }

    [Theory]
    [InlineData("no-build", "could not be built:\nno route to nuget\n")]
    [InlineData("no-answer", "https://llm.example.com/readyz does not respond on this host")]
    public void A_failed_step_is_reported(string state, string message)
    {
        using var host = new FakeHost();
        host.SetState(state);
        var result = host.Install();
        Assert.Equal(1, result.ExitCode);
        Assert.Contains(message, result.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("The platform is running", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_that_do_not_resolve_yet_are_a_hint_and_not_an_error()
    {
        using var host = new FakeHost();
        host.SetState("no-names");
        var result = host.Install();
        Assert.Equal(0, result.ExitCode);
        Assert.All(["llm.example.com", "api.llm.example.com", "any.users.llm.example.com"], (string name) =>
            Assert.Contains($"\n{name} does not resolve yet", result.Output, StringComparison.Ordinal));
    }

    [Fact]
    public void Help_is_printed_and_an_unknown_option_is_rejected()
    {
        using var host = new FakeHost();
        var help = host.Run("opt/1.0.0/deploy/vps/install.sh", ["--help"]);
        Assert.Equal(0, help.ExitCode);
        Assert.StartsWith("Usage: ", help.Output, StringComparison.Ordinal);
        AssertRejected(host, host.Run("opt/1.0.0/deploy/vps/install.sh", ["--force"]), "Unknown option --force");
    }

    // The host must be unchanged.
    static void AssertRejected(FakeHost host, ScriptResult result, string message)
    {
        Assert.Equal(1, result.ExitCode);
        Assert.Contains(message, Assert.Single(result.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        string[] changes = ["ufw ", "systemctl ", "docker build", "docker compose --project", "apt-get"];
        Assert.DoesNotContain(host.Calls, call => changes.Any(change => call.StartsWith(change, StringComparison.Ordinal)));
    }
}
