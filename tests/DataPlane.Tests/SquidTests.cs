using System.Runtime.Versioning;

namespace ControlPlane.Tests;

/// <summary>What a rendered egress proxy passes and refuses, asked of the real Squid.</summary>
[Trait("Category", "Squid"), UnsupportedOSPlatform("windows")]
public sealed class SquidTests
{
    const string Hosts = """
        127.0.0.1 api.example.test other.example.test sub.api.example.test portal.example.test
        10.1.2.3 private.example.test
        169.254.169.254 metadata.example.test
        fd00:ec2::254 metadata6.example.test
        ::1 loopback6.example.test
        100.64.0.1 carrier.example.test
        172.31.0.1 docker.example.test
        64:ff9b::a9fe:a9fe translated.example.test

        """;

    // The test server is on this machine, so its address has to pass for a public one.
    static string LoopbackIsPublic(string config) => config.Replace(" 127.0.0.0/8", "", StringComparison.Ordinal);

    [Fact]
    public async Task Tunnels_lead_to_listed_hosts_on_their_port_only()
    {
        using var server = new LocalServer("hello\n");
        await using var squid = await SquidProcess.StartAsync(new([new("api.example.test", server.Port)], WebPages: false, []), Hosts, LoopbackIsPublic);

        Assert.EndsWith("\nhello", await squid.SendAsync($"CONNECT api.example.test:{server.Port} HTTP/1.1\r\n\r\n"), StringComparison.Ordinal);
        Assert.EndsWith("\nhello", await squid.SendAsync($"CONNECT API.Example.Test:{server.Port} HTTP/1.1\r\n\r\n"), StringComparison.Ordinal);
        string[] refused = [$"other.example.test:{server.Port}", $"sub.api.example.test:{server.Port}", $"example.test:{server.Port}", $"127.0.0.1:{server.Port}", "api.example.test:22", "api.example.test:25"];
        foreach (var target in refused)
        {
            Assert.Equal(403, await squid.ConnectAsync(target));
        }

        // A Host header that names a listed host changes nothing.
        Assert.Contains(" 403 ", await squid.SendAsync($"CONNECT other.example.test:{server.Port} HTTP/1.1\r\nHost: api.example.test:{server.Port}\r\n\r\n"), StringComparison.Ordinal);
        // Without TLS the proxy could be made to send requests of its own.
        Assert.Equal(403, await squid.GetAsync($"http://api.example.test:{server.Port}/"));
        Assert.Equal(403, await squid.GetAsync($"https://api.example.test:{server.Port}/"));
        Assert.Equal(403, await squid.GetAsync($"ftp://api.example.test:{server.Port}/"));
    }

    [Fact]
    public async Task A_listed_host_whose_address_is_not_public_is_refused()
    {
        string[] names = ["api", "private", "metadata", "metadata6", "loopback6", "carrier", "docker", "translated"];
        await using var squid = await SquidProcess.StartAsync(new([.. names.Select(name => new EgressHost($"{name}.example.test"))], WebPages: false, []), Hosts);
        foreach (var name in names)
        {
            Assert.Equal(403, await squid.ConnectAsync($"{name}.example.test:443"));
        }
    }

    [Fact]
    public async Task Web_pages_are_those_of_public_addresses_however_an_address_is_written()
    {
        string[] hosts =
        [
            "169.254.169.254", "127.0.0.1", "10.0.0.1", "172.17.0.1", "192.168.240.2", "0.0.0.0", "255.255.255.255",
            "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "10.1",
            "[::1]", "[::]", "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[fd00:ec2::254]", "[fe80::1]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::1]",
            "private.example.test", "metadata.example.test", "metadata6.example.test", "docker.example.test", "localhost", "egress",
        ];
        await using var squid = await SquidProcess.StartAsync(new([], WebPages: true, []), $"127.0.0.1 localhost egress\n{Hosts}");
        foreach (var host in hosts)
        {
            Assert.Equal((host, 403), (host, await squid.ConnectAsync($"{host}:443")));
            Assert.Contains(" 403 ", await squid.SendAsync($"GET http://{host}/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Web_pages_are_read_on_the_ports_of_the_web_only()
    {
        using var server = new LocalServer(greeting: null);
        await using var squid = await SquidProcess.StartAsync(
            new([], WebPages: true, []), Hosts, config => LoopbackIsPublic(config).Replace("web_plain port 80", $"web_plain port {server.Port}", StringComparison.Ordinal));
        Assert.Equal(200, await squid.GetAsync($"http://other.example.test:{server.Port}/page"));
        Assert.Equal(403, await squid.ConnectAsync($"other.example.test:{server.Port}"));
        Assert.Equal(403, await squid.GetAsync("http://other.example.test:6379/"));
        // The proxy's own pages.
        Assert.Equal(403, await squid.GetAsync("http://egress/squid-internal-mgr/config"));
    }

    [Fact]
    public async Task A_relay_leads_to_its_target_with_the_callers_credentials_and_on_the_allowed_paths_only()
    {
        using var server = new LocalServer(greeting: null);
        using var other = new LocalServer("not this one\n");
        var relay = new EgressRelay(8081, new($"http://portal.example.test:{server.Port}"), "^/v1/(authorize|usage)$");
        await using var squid = await SquidProcess.StartAsync(new([], WebPages: false, [relay]), Hosts);

        var answer = await squid.SendAsync("POST /v1/authorize HTTP/1.1\r\nHost: gateway-egress:8081\r\nAuthorization: Bearer cpt_key\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}", 8081);
        Assert.StartsWith("HTTP/1.1 200 ", answer, StringComparison.Ordinal);
        Assert.Contains("POST /v1/authorize HTTP/1.1", answer, StringComparison.Ordinal);
        Assert.Contains("Authorization: Bearer cpt_key", answer, StringComparison.Ordinal);
        Assert.Contains($"Host: portal.example.test:{server.Port}", answer, StringComparison.Ordinal);

        Assert.Contains(" 200 ", await squid.SendAsync("GET /v1/usage HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 8081), StringComparison.Ordinal);
        string[] refused = ["GET /admin", "GET /v1/authorize/more", "GET /v1/usage/../admin/tenants", "GET /v1/usage?from=2026-01-01", "GET /v1/../admin", "GET /v1/admin/capacity", $"GET http://other.example.test:{other.Port}/", $"CONNECT other.example.test:{other.Port}", $"CONNECT portal.example.test:{server.Port}"];
        foreach (var request in refused)
        {
            Assert.Matches("^HTTP/1.1 40[35] ", await squid.SendAsync($"{request} HTTP/1.1\r\nHost: other.example.test:{other.Port}\r\nConnection: close\r\n\r\n", 8081));
        }

        // Not through the port for clients that know proxies either.
        Assert.Equal(403, await squid.GetAsync($"http://portal.example.test:{server.Port}/v1/usage"));
    }
}
