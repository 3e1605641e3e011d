using System.Runtime.Versioning;

namespace ControlPlane.Tests.Vps;

/// <summary>The host's firewall is the handbook's, and nobody is locked out.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class FirewallTests
{
    [Fact]
    public void Web_is_open_the_development_port_is_the_vpns_and_nothing_else_comes_in()
    {
        using var host = new FakeHost();
        host.Install(settings: [("CONTROLPLANE_SSH_FROM", "198.51.100.7/32 198.51.100.16/28"), ("CONTROLPLANE_VPN_RANGES", "10.0.0.0/8")]);
        Assert.Equal(
            [
                "ufw status", "ufw default deny incoming", "ufw default allow outgoing",
                "ufw allow proto tcp from 198.51.100.7/32 to any port 22", "ufw allow proto tcp from 198.51.100.16/28 to any port 22", "ufw delete allow 22/tcp",
                "ufw allow 80/tcp", "ufw allow 443/tcp", "ufw allow proto tcp from 10.0.0.0/8 to any port 3001", "ufw --force enable",
            ],
            Ufw(host));
    }

    [Fact]
    public void Without_named_addresses_SSH_stays_open_on_every_port_that_it_has()
    {
        using var host = new FakeHost();
        host.Is("sshd", "port 22\nport 2222\n");
        host.Install();
        var calls = Ufw(host).ToList();
        Assert.All(["ufw allow 22/tcp", "ufw allow 2222/tcp"], (string rule) =>
            Assert.InRange(calls.IndexOf(rule), 0, calls.IndexOf("ufw --force enable") - 1));
        Assert.DoesNotContain(calls, call => call.Contains("3001", StringComparison.Ordinal));
    }

    [Fact]
    public void Whoever_installs_over_SSH_is_let_in_again_whatever_the_ranges_are()
    {
        using var host = new FakeHost();
        host.Install(settings: [("CONTROLPLANE_SSH_FROM", "198.51.100.0/28"), ("SSH_CONNECTION", "203.0.113.9 50000 192.0.2.10 22")]);
        Assert.Contains("ufw allow proto tcp from 203.0.113.9 to any port 22", Ufw(host));
    }

    [Fact]
    public void A_firewall_at_work_keeps_its_defaults_and_one_that_is_the_operators_is_not_touched()
    {
        using var host = new FakeHost();
        host.Is("ufw-active");
        host.Install();
        Assert.DoesNotContain(Ufw(host), call => call.Contains("default", StringComparison.Ordinal));
        Assert.Contains("ufw allow 443/tcp", Ufw(host));

        using var off = new FakeHost();
        off.Install(settings: ("CONTROLPLANE_FIREWALL", "off"));
        Assert.Empty(Ufw(off));
    }

    static IEnumerable<string> Ufw(FakeHost host) => host.Calls.Where(call => call.StartsWith("ufw ", StringComparison.Ordinal));
}
