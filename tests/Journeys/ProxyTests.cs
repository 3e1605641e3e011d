using System.Net;

namespace ControlPlane.Tests;

public sealed class ProxyTests
{
    const string Lookup = "/v1/signup/slug/example";

    static readonly KeyValuePair<string, string?> OneLookup = new("CONTROLPLANE_LIMIT_LOOKUPS", "1");

    [Fact]
    public async Task Behind_a_proxy_each_client_has_its_own_rate_limit_and_cookies_are_secure()
    {
        await using var server = await TestServer.StartAsync(sandbox: false, settings: [OneLookup, new("ASPNETCORE_FORWARDEDHEADERS_ENABLED", "true")]);
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(server, Lookup, "203.0.113.1")).StatusCode);
        Assert.Equal(HttpStatusCode.TooManyRequests, (await GetAsync(server, Lookup, "203.0.113.1")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(server, Lookup, "203.0.113.2")).StatusCode);
        // Entries before the one the proxy added do not count: the client can forge them.
        Assert.Equal(HttpStatusCode.TooManyRequests, (await GetAsync(server, Lookup, "198.51.100.9, 203.0.113.1")).StatusCode);

        Assert.Equal(HttpStatusCode.OK, (await GetAsync(server, Lookup, "2001:db8:0:1::1")).StatusCode);
        Assert.Equal(HttpStatusCode.TooManyRequests, (await GetAsync(server, Lookup, "2001:db8:0:1::2")).StatusCode);

        var form = await GetAsync(server, "/", "203.0.113.1");
        Assert.True(form.Headers.Contains("Strict-Transport-Security"));
        Assert.All(form.Headers.GetValues("Set-Cookie"), cookie => Assert.Contains("; secure", cookie, StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task Without_a_proxy_forwarded_headers_are_ignored()
    {
        await using var server = await TestServer.StartAsync(sandbox: false, settings: [OneLookup]);
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(server, Lookup, "203.0.113.1")).StatusCode);
        var second = await GetAsync(server, Lookup, "203.0.113.2");
        Assert.Equal(HttpStatusCode.TooManyRequests, second.StatusCode);
        Assert.False(second.Headers.Contains("Strict-Transport-Security"));
    }

    static Task<HttpResponseMessage> GetAsync(TestServer server, string address, string client)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, address);
        request.Headers.Add("X-Forwarded-For", client);
        request.Headers.Add("X-Forwarded-Proto", "https");
        return server.Anonymous.SendAsync(request);
    }
}
