using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using ControlPlane.Tests.Support.Fuzzing;

namespace ControlPlane.Tests;

public sealed class BodyLimitJourneys(SharedServer shared) : IClassFixture<SharedServer>
{
    const int KiB = 1024;

    readonly TestServer _server = shared.Server;

    [Theory]
    [InlineData("/login", "application/x-www-form-urlencoded", 16, false)]
    [InlineData("/forgot", "application/x-www-form-urlencoded", 16, false)]
    [InlineData("/signup", "application/x-www-form-urlencoded", 16, false)]
    [InlineData("/admin/login", "application/x-www-form-urlencoded", 16, false)]
    [InlineData("/v1/signup", "application/json", 64, false)]
    [InlineData("/v1/authorize", "application/json", 16, true)]
    [InlineData("/v1/keys", "application/json", 64, true)]
    public async Task A_body_above_its_limit_is_refused_however_it_is_sent(string path, string type, int limit, bool withKey)
    {
        var tenant = await _server.CreateTenantAsync();
        foreach (var isChunked in (bool[])[false, true])
        {
            using var tooLarge = await PostAsync(limit * KiB + 1, isChunked);
            Assert.Equal(HttpStatusCode.RequestEntityTooLarge, tooLarge.StatusCode);
            Assert.Null(await ResponseRules.ViolationAsync(tooLarge));
            Assert.Contains($"{limit} KiB", await tooLarge.Content.ReadAsStringAsync(), StringComparison.Ordinal);
            using var largest = await PostAsync(limit * KiB, isChunked);
            Assert.NotEqual(HttpStatusCode.RequestEntityTooLarge, largest.StatusCode);
        }

        Task<HttpResponseMessage> PostAsync(int length, bool isChunked)
        {
            const string Start = "{\"email\":\"";
            var body = type == "application/json" ? $"{Start}{new string('x', length - Start.Length - 2)}\"}}" : $"email={new string('x', length - 6)}";
            var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(body, new MediaTypeHeaderValue(type)) };
            request.Headers.TransferEncodingChunked = isChunked;
            return (withKey ? tenant.Http : _server.Anonymous).SendAsync(request);
        }
    }

    [Theory]
    [InlineData("/v1/authorize", "")]
    [InlineData("/v1/authorize", "Authorization: Bearer cpt_wrong\r\n")]
    [InlineData("/v1/keys", "")]
    [InlineData("/v1/keys", "Authorization: Bearer cpt_wrong\r\n")]
    [InlineData("/v1/usage", "Authorization: Bearer cpt_wrong\r\n")]
    [InlineData("/v1/usage", "")]
    [InlineData("/v1/usage/litellm", "")]
    [InlineData("/v1/usage", "X-Tenant-Id: TENANT\r\nwebhook-id: m\r\nwebhook-timestamp: NOW\r\nwebhook-signature: v1,c2hvcnQ=\r\n")]
    [InlineData("/v1/usage", "X-Tenant-Id: TENANT\r\nwebhook-id: m\r\nwebhook-timestamp: 1614265330\r\nwebhook-signature: SIGNATURE\r\n")]
    [InlineData("/v1/usage", "X-Tenant-Id: someone\r\nwebhook-id: m\r\nwebhook-timestamp: NOW\r\nwebhook-signature: SIGNATURE\r\n")]
    [InlineData("/v1/usage", "X-Tenant-Id: 00000000-0000-0000-0000-000000000000\r\nwebhook-id: m\r\nwebhook-timestamp: NOW\r\nwebhook-signature: SIGNATURE\r\n")]
    public async Task An_unknown_sender_is_refused_before_the_first_byte_of_the_body(string path, string headers)
    {
        var tenant = await _server.CreateTenantAsync();
        var sent = headers.Replace("TENANT", tenant.Id.ToString(), StringComparison.Ordinal).Replace("SIGNATURE", $"v1,{new string('A', 43)}=", StringComparison.Ordinal)
            .Replace("NOW", _server.Clock.Wall.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);

        var (status, _) = await RawHttp.SendAsync(
            _server.Address.Port, $"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 10000000\r\n{sent}\r\n");

        Assert.Equal(401, status);
    }

    [Fact]
    public async Task A_large_body_with_a_wrong_signature_is_refused_and_the_next_delivery_is_counted()
    {
        var tenant = await _server.CreateTenantAsync();
        var other = await _server.CreateTenantAsync();
        using var wrong = await _server.PostSignedAsync(tenant, new string(' ', 15 * KiB * KiB), secret: other.WebhookSecret);

        Assert.Equal(HttpStatusCode.Unauthorized, wrong.StatusCode);
        Assert.Equal(1, (await _server.ReportAsync(tenant, Deliveries.Event("e1", _server.Clock.GetUtcNow())).CountsAsync()).Accepted);
    }

    [Fact]
    public async Task Bodies_of_unauthenticated_senders_share_a_budget()
    {
        await using var server = await TestServer.StartAsync(settings: [new("CONTROLPLANE_UNVERIFIED_BODIES", "1")]);
        var tenant = await server.CreateTenantAsync();
        var now = server.Clock.GetUtcNow();
        var large = JsonSerializer.Serialize(Enumerable.Range(0, 3_000).Select(n => Deliveries.Event($"e{n}", now)));

        using var refused = await server.PostSignedAsync(tenant, large);
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "5"), (refused.StatusCode, refused.Headers.RetryAfter?.ToString()));
        // What is refused returns its bytes, and a sender with a key is known before the body.
        Assert.Equal(1, (await server.ReportAsync(tenant, Deliveries.Event("one", now)).CountsAsync()).Accepted);
        Assert.Equal(3_000, (await tenant.PostAsync(large).CountsAsync()).Accepted);
    }

    [Fact]
    public async Task A_sender_that_stalls_is_cut_off()
    {
        using var client = new System.Net.Sockets.TcpClient();
        await client.ConnectAsync("localhost", _server.Address.Port);
        await using var stream = client.GetStream();
        await stream.WriteAsync("POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\nemail="u8.ToArray());

        using var response = new StreamReader(stream);
        Assert.Contains(" 408 ", await response.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(60)), StringComparison.Ordinal);
    }
}
