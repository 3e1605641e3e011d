using System.Runtime.Versioning;

namespace ControlPlane.Tests.Vps;

/// <summary>The firewall opens only the documented ports and never locks the operator out.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class FirewallTests
{
    [Fact]
    public void Only_web_ports_are_public_and_the_development_port_is_limited_to_the_VPN()
    {
        using var host = new FakeHost();
        host.Install(settings: [("CONTROLPLANE_SSH_FROM", "198.51.100.7/32 198.51.100.16/28"), ("CONTROLPLANE_VPN_RANGES", "10.0.0.0/8")]);
        Assert.Equal(
            [
                "ufw status", "ufw default deny incoming", "ufw default allow outgoing",
                "ufw allow proto tcp from 198.51.100.7/32 to any port 22", "ufw allow proto tcp from 198.51.100.16/28 to any port 22", "ufw delete allow 22/tcp",
                "ufw allow 80/tcp", "ufw allow 443/tcp", "ufw allow proto tcp from 10.0.0.0/8 to any port 3001", "ufw --force enable",
            ],
            UfwCalls(host));
    }

    [Fact]
    public void Without_configured_ranges_every_SSH_port_stays_open()
    {
        using var host = new FakeHost();
        host.SetState("sshd", "port 22\nport 2222\n");
        host.Install();
        var calls = UfwCalls(host).ToList();
        Assert.All(["ufw allow 22/tcp", "ufw allow 2222/tcp"], (string rule) =>
            Assert.InRange(calls.IndexOf(rule), 0, calls.IndexOf("ufw --force enable") - 1));
        Assert.DoesNotContain(calls, call => call.Contains("3001", StringComparison.Ordinal));
    }

    [Fact]
    public void The_client_of_the_current_SSH_session_is_always_allowed()
    {
        using var host = new FakeHost();
        host.Install(settings: [("CONTROLPLANE_SSH_FROM", "198.51.100.0/28"), ("SSH_CONNECTION", "203.0.113.9 50000 192.0.2.10 22")]);
        Assert.Contains("ufw allow proto tcp from 203.0.113.9 to any port 22", UfwCalls(host));
    }

    [Fact]
    public void An_active_firewall_keeps_its_default_policies()
    {
        using var host = new FakeHost();
        host.SetState("ufw-active");
        host.Install();
        Assert.DoesNotContain(UfwCalls(host), call => call.Contains("default", StringComparison.Ordinal));
        Assert.Contains("ufw allow 443/tcp", UfwCalls(host));
    }

    [Fact]
    public void A_disabled_firewall_setting_leaves_the_firewall_unchanged()
    {
        using var host = new FakeHost();
        host.Install(settings: ("CONTROLPLANE_FIREWALL", "off"));
        Assert.Empty(UfwCalls(host));
    }

    static IEnumerable<string> UfwCalls(FakeHost host) => host.Calls.Where(call => call.StartsWith("ufw ", StringComparison.Ordinal));
}
