namespace ControlPlane.Tests;

/// <summary>What a rendered egress proxy passes and refuses, asked of the real Squid.</summary>
[Trait("Category", "Squid")]
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
        using var server = new TestServer("hello\n");
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

    [Theory]
    [InlineData("169.254.169.254"), InlineData("127.0.0.1"), InlineData("10.0.0.1"), InlineData("172.17.0.1"), InlineData("192.168.240.2"), InlineData("0.0.0.0"), InlineData("255.255.255.255")]
    [InlineData("2852039166"), InlineData("0xa9fea9fe"), InlineData("0251.0376.0251.0376"), InlineData("10.1")]
    [InlineData("[::1]"), InlineData("[::]"), InlineData("[::ffff:169.254.169.254]"), InlineData("[::ffff:a9fe:a9fe]"), InlineData("[fd00:ec2::254]"), InlineData("[fe80::1]"), InlineData("[64:ff9b::a9fe:a9fe]"), InlineData("[2002:a9fe:a9fe::1]")]
    [InlineData("private.example.test"), InlineData("metadata.example.test"), InlineData("docker.example.test"), InlineData("localhost"), InlineData("egress")]
    public async Task Web_pages_are_those_of_public_addresses(string host)
    {
        await using var squid = await SquidProcess.StartAsync(new([], WebPages: true, []), $"127.0.0.1 localhost egress\n{Hosts}");
        Assert.Equal(403, await squid.ConnectAsync($"{host}:443"));
        Assert.Contains(" 403 ", await squid.SendAsync($"GET http://{host}/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Web_pages_are_read_on_the_ports_of_the_web_only()
    {
        using var server = new TestServer(greeting: null);
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
        using var server = new TestServer(greeting: null);
        using var other = new TestServer("not this one\n");
        var relay = new EgressRelay(8081, new($"http://portal.example.test:{server.Port}"), "^/v1/(authorize$|usage)");
        await using var squid = await SquidProcess.StartAsync(new([], WebPages: false, [relay]), Hosts);

        var answer = await squid.SendAsync("POST /v1/authorize HTTP/1.1\r\nHost: gateway-egress:8081\r\nAuthorization: Bearer cpt_key\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}", 8081);
        Assert.StartsWith("HTTP/1.1 200 ", answer, StringComparison.Ordinal);
        Assert.Contains("POST /v1/authorize HTTP/1.1", answer, StringComparison.Ordinal);
        Assert.Contains("Authorization: Bearer cpt_key", answer, StringComparison.Ordinal);
        Assert.Contains($"Host: portal.example.test:{server.Port}", answer, StringComparison.Ordinal);

        Assert.Contains(" 200 ", await squid.SendAsync("GET /v1/usage/litellm HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 8081), StringComparison.Ordinal);
        string[] refused = ["GET /admin", "GET /v1/authorize/more", "GET /v1/../admin", "GET /v1/admin/capacity", $"GET http://other.example.test:{other.Port}/", $"CONNECT other.example.test:{other.Port}", $"CONNECT portal.example.test:{server.Port}"];
        foreach (var request in refused)
        {
            Assert.Contains(" 403 ", await squid.SendAsync($"{request} HTTP/1.1\r\nHost: other.example.test:{other.Port}\r\nConnection: close\r\n\r\n", 8081), StringComparison.Ordinal);
        }

        // Not through the port for clients that know proxies either.
        Assert.Equal(403, await squid.GetAsync($"http://portal.example.test:{server.Port}/v1/usage"));
    }
}
