using System.Runtime.Versioning;

namespace ControlPlane.Tests.Vps;

/// <summary>What install.sh does not do, and what it says then: one line with what to do instead.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class RefusalTests
{
    [Theory]
    [InlineData("CONTROLPLANE_DOMAIN", "", "CONTROLPLANE_DOMAIN is not set")]
    [InlineData("CONTROLPLANE_DOMAIN", "https://llm.example.com", "give a domain name in lower case")]
    [InlineData("CONTROLPLANE_DOMAIN", "localhost", "give a domain name in lower case")]
    [InlineData("CONTROLPLANE_DOMAIN", "a.example.com`) || Host(`b", "give a domain name in lower case")]
    [InlineData("CONTROLPLANE_DATA", "data", "give the full path of a folder")]
    [InlineData("CONTROLPLANE_DATA", "/", "give the full path of a folder")]
    [InlineData("CONTROLPLANE_DATA", "/srv/my data", "give the full path of a folder")]
    [InlineData("CONTROLPLANE_REGION", "EU Central", "such as eu-central-1")]
    [InlineData("CONTROLPLANE_ACME_MAIL", "nobody", "give a mail address")]
    [InlineData("CONTROLPLANE_SSH_FROM", "198.51.100.0/28,10.0.0.0/8", "IPv4 ranges such as")]
    [InlineData("CONTROLPLANE_VPN_RANGES", "office", "IPv4 ranges such as")]
    public void A_wrong_setting_is_named_with_what_to_give(string name, string value, string says)
    {
        using var host = new FakeHost();
        AssertRefused(host, host.Install(settings: (name, value)), says);
    }

    [Fact]
    public void A_setting_of_two_lines_is_not_taken_by_its_first()
    {
        using var host = new FakeHost();
        Assert.Equal(1, host.Install(settings: ("CONTROLPLANE_DOMAIN", "a.example.com\nCONTROLPLANE_VERSION=other")).ExitCode);
        Assert.False(Directory.Exists(Path.Combine(host.Data, "settings")));
    }

    [Theory]
    [InlineData("id", "1000", "Run it as root")]
    [InlineData("free", "1048576", "1 GiB free, 20 are needed")]
    [InlineData("port-80", "LISTEN 0 511 *:80 *:* users:((\"nginx\",pid=1,fd=6))", "Port 80 is taken by nginx")]
    [InlineData("foreign-ollama", "", "a container named ollama that is not this platform's")]
    [InlineData("no-compose", "", "has no Compose 2")]
    [InlineData("api", "1.43", "too old (API 1.43): 25 or newer is needed")]
    public void A_host_that_does_not_fit_is_told_why(string state, string content, string says)
    {
        using var host = new FakeHost();
        host.Is(state, content);
        AssertRefused(host, host.Install(), says);
    }

    [Theory]
    [InlineData("fedora", "42", "This is fedora")]
    [InlineData("debian", "12", "Debian 12 has no Docker Compose 2")]
    public void A_distribution_that_does_not_fit_is_told_why(string distribution, string release, string says)
    {
        using var host = new FakeHost(distribution, release, withDocker: false);
        AssertRefused(host, host.Install(), says);
    }

    [Theory]
    [InlineData("CONTROLPLANE_DOMAIN", "other.example.com")]
    [InlineData("CONTROLPLANE_REGION", "elsewhere")]
    [InlineData("CONTROLPLANE_DATA", "/srv/elsewhere")]
    public void What_was_installed_is_not_turned_into_something_else(string name, string value)
    {
        using var host = new FakeHost();
        host.Install();
        host.ForgetCalls();
        AssertRefused(host, host.Install(settings: (name, value)), $"{name} is {value}, but this host was installed with");
    }

    [Fact]
    public void A_database_of_another_major_version_is_not_started()
    {
        using var host = new FakeHost();
        Directory.CreateDirectory(Path.Combine(host.Data, "postgres"));
        File.WriteAllText(Path.Combine(host.Data, "postgres/PG_VERSION"), "16\n");
        AssertRefused(host, host.Install(), "The database is of PostgreSQL 16, this release has 17");
    }

    [Theory]
    [InlineData("no-build", "could not be built:\nno route to nuget\n")]
    [InlineData("no-answer", "https://llm.example.com/readyz does not answer on this host")]
    public void What_fails_on_the_way_is_said(string state, string says)
    {
        using var host = new FakeHost();
        host.Is(state);
        var result = host.Install();
        Assert.Equal(1, result.ExitCode);
        Assert.Contains(says, result.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("The platform is running", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_that_do_not_resolve_yet_are_a_hint_not_a_failure()
    {
        using var host = new FakeHost();
        host.Is("no-names");
        var result = host.Install();
        Assert.Equal(0, result.ExitCode);
        Assert.All(["llm.example.com", "api.llm.example.com", "any.users.llm.example.com"], (string name) =>
            Assert.Contains($"\n{name} does not resolve yet", result.Output, StringComparison.Ordinal));
    }

    [Fact]
    public void Help_is_help_and_an_unknown_option_is_refused()
    {
        using var host = new FakeHost();
        var help = host.Run("opt/1.0.0/deploy/vps/install.sh", ["--help"]);
        Assert.Equal(0, help.ExitCode);
        Assert.StartsWith("Usage: ", help.Output, StringComparison.Ordinal);
        AssertRefused(host, host.Run("opt/1.0.0/deploy/vps/install.sh", ["--force"]), "no option --force");
    }

    // Nothing of the machine was touched before the refusal.
    static void AssertRefused(FakeHost host, ScriptResult result, string says)
    {
        Assert.Equal(1, result.ExitCode);
        Assert.Contains(says, Assert.Single(result.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        string[] changes = ["ufw ", "systemctl ", "docker build", "docker compose --project", "apt-get"];
        Assert.DoesNotContain(host.Calls, call => changes.Any(change => call.StartsWith(change, StringComparison.Ordinal)));
    }
}
