using System.Net;
using System.Text;
using System.Text.Json;
using ControlPlane.Tests.Support.Fuzzing;

namespace ControlPlane.Tests;

/// <summary>One server and one tenant, shared by all malformed requests.</summary>
public sealed class NastyServer : IAsyncLifetime
{
    public TestServer Server { get; private set; } = null!;
    public TestTenant Tenant { get; private set; } = null!;

    public async Task InitializeAsync() => Tenant = await (Server = await TestServer.StartAsync()).CreateTenantAsync();

    public async Task DisposeAsync() => await Server.DisposeAsync();
}

public class NastyRequests(NastyServer nasty) : IClassFixture<NastyServer>
{
    readonly TestServer _server = nasty.Server;
    readonly TestTenant _tenant = nasty.Tenant;

    [Theory]
    [InlineData("/v1/invoices?cursor=%00", 400)]
    [InlineData("/v1/invoices?cursor=%ED%A0%80&limit=-5", 400)]
    [InlineData("/v1/invoices?limit=99999999999", 400)]
    [InlineData("/v1/invoices/%F0%9F%92%A5", 404)]
    [InlineData("/v1/invoices/a%2Fb.pdf", 404)]
    [InlineData("/v1/usage?limit=2147483647&cursor=2147483647", 400)]
    [InlineData("/v1/usage?limit=-1", 200)]
    [InlineData("/v1/usage?from=9999-99-99", 400)]
    [InlineData("/v1/usage?from=0001-01-01&to=9999-12-31", 200)]
    [InlineData("/v1/usage?to=9999-12-31T23:59:59.9999999-14:00", 400)]
    [InlineData("/v1/usage?from=%00", 400)]
    [InlineData("/v1/usage?from=2026-01-01T00:00:00Z", 400)]
    [InlineData("/v1/usage?from=01/31/2026", 400)]
    [InlineData("/v1/usage?from=31%20January%202026", 400)]
    [InlineData("/v1/usage?from=2026-1-1", 400)]
    [InlineData("/v1/usage?cursor=%00", 400)]
    [InlineData("/v1/usage?group_by=day&cursor=WyIiXQ", 400)]
    [InlineData("/v1/usage?cursor=WyIiLCJtIl0", 400)]
    [InlineData("/v1/usage?cursor=bm90IGEgZGF5&group_by=day", 400)]
    [InlineData("/v1/usage?cursor=WyJub3QgYSBkYXkiXQ&group_by=day", 400)]
    [InlineData("/v1/usage?cursor=WyJhXHUwMDAwYiJd&group_by=user", 400)]
    [InlineData("/v1/usage?cursor=WyJhIixudWxsXQ&group_by=model,user", 400)]
    [InlineData("/v1/usage?cursor=W251bGxd&group_by=user", 400)]
    [InlineData("/v1/keys?cursor=x", 400)]
    [InlineData("/v1/keys?cursor=ffffffff-ffff-ffff-ffff-ffffffffffff&limit=0", 200)]
    [InlineData("/v1/user-limits/%00", 400)]
    [InlineData("/v1/user-limits/%FF%FE", 404)]
    [InlineData("/v1/user-limits/%", 404)]
    [InlineData("/v1/user-limits/..%2F..%2Fkeys", 404)]
    [InlineData("/v1/user-limits/", 200)]
    [InlineData("/v1/usage?group_by=day,day,,user&group_by=model", 200)]
    [InlineData("/v1/usage?group_by=tenant_id", 400)]
    [InlineData("/v1/verify?token=%00", 404)]
    [InlineData("/v1/signup/slug/..%2F..%2Fetc", 200)]
    [InlineData("/v1/no/such/thing", 404)]
    public async Task A_malformed_path_or_query_never_returns_5xx(string address, int status)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(_server.Address.GetLeftPart(UriPartial.Authority) + address, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }));
        using var reply = await _tenant.Http.SendAsync(request);
        Assert.Equal(status, (int)reply.StatusCode);
        Assert.Null(await ResponseRules.ViolationAsync(reply));
    }

    [Theory]
    [InlineData("/v1/admin/quarantine?code=%00", 400)]
    [InlineData("/v1/admin/quarantine?cursor=x", 400)]
    [InlineData("/v1/admin/tenants?status=%00", 400)]
    [InlineData("/v1/admin/tenants?cursor=ffffffff-ffff-ffff-ffff-ffffffffffff&limit=0", 200)]
    [InlineData("/v1/admin/tenants/00000000-0000-0000-0000-000000000000", 404)]
    public async Task A_malformed_operator_query_never_returns_5xx(string address, int status)
    {
        using var reply = await _server.Operator.GetAsync(address);
        Assert.Equal(status, (int)reply.StatusCode);
        Assert.Null(await ResponseRules.ViolationAsync(reply));
    }

    public static TheoryData<string, string> Rejected => new()
    {
        { "prompt_tokens", "-1" }, { "prompt_tokens", "10000001" }, { "prompt_tokens", "9223372036854775808" }, { "prompt_tokens", "1e400" },
        { "prompt_tokens", "79228162514264337593543950336" }, { "prompt_tokens", "0.5" }, { "prompt_tokens", "\"1\"" }, { "completion_tokens", "null" },
        { "occurred_at", "\"0001-01-01T00:00:00Z\"" }, { "occurred_at", "\"0001-01-01T00:00:00+14:00\"" }, { "occurred_at", "\"0001-01-01T00:00:00-14:00\"" },
        { "occurred_at", "\"9999-12-31T23:59:59.9999999Z\"" }, { "occurred_at", "\"9999-12-31T23:59:59-14:00\"" }, { "occurred_at", "\"1999-12-31T23:59:59Z\"" },
        { "occurred_at", "\"2026-02-30T00:00:00Z\"" }, { "occurred_at", "\"2026-01-01\"" }, { "occurred_at", "1767225600" },
        { "occurred_at", "\"2026-01-31 12:00 PM +00:00\"" }, { "occurred_at", "\"Sat, 31 Jan 2026 12:00:00 GMT\"" },
        { "prompt_tokens", "9007199254740993" }, { "prompt_tokens", "10000000.0000000001" },
        { "user", "\"\\ud800\"" }, { "user", "\"a\\u0000b\"" }, { "user", "{}" }, { "model", "\"\\uffff\"" }, { "reservation_id", "\"x\"" },
        { "feature", "\"none\"" }, { "i\\ud800", "1" },
    };

    [Theory]
    [MemberData(nameof(Rejected))]
    public async Task An_invalid_event_is_quarantined_and_its_replay_is_refused(string field, string value)
    {
        var text = $$"""{"id":"{{Names.Random("n")}}","occurred_at":"{{_server.Clock.GetUtcNow():O}}","user":"u","model":"gemini-pro","prompt_tokens":1,"completion_tokens":1,"{{field}}":{{value}}}""";
        var reply = await (await PostAsync(text)).ReadAsync();
        Assert.Equal((0, 1), (reply.GetProperty("accepted").GetInt32(), reply.GetProperty("rejected").GetArrayLength()));
        using var held = await _server.Operator.GetAsync($"/v1/admin/quarantine?tenant_id={_tenant.Id}&limit=1");
        var first = (await held.ReadAsync()).GetProperty("items")[0];
        using var replay = await _server.Operator.PostAsync($"/v1/admin/quarantine/{first.GetProperty("id").GetString()}/replay", content: null);
        Assert.Equal(HttpStatusCode.Conflict, replay.StatusCode);
    }

    [Theory]
    [InlineData("")]
    [InlineData(" \r\n")]
    [InlineData("\0")]
    [InlineData("{\"id\":\"\u00ff\u00fe\"}")]
    [InlineData("[[[[[")]
    [InlineData("{\"a\":")]
    public async Task A_body_that_is_not_JSON_returns_400(string latin1)
    {
        using var reply = await PostAsync(latin1);
        Assert.Equal(HttpStatusCode.BadRequest, reply.StatusCode);
        Assert.Null(await ResponseRules.ViolationAsync(reply));
    }

    [Fact]
    public async Task The_largest_token_counts_add_up_exactly()
    {
        var tenant = await _server.CreateTenantAsync("premium");
        var now = _server.Clock.GetUtcNow();
        var events = Enumerable.Range(0, 20_000).Select(i => new { id = $"e{i}", occurred_at = now, user = "u", model = "claude-3-opus", prompt_tokens = UsageEvent.MaximumTokens, completion_tokens = UsageEvent.MaximumTokens });
        foreach (var delivery in events.Chunk(UsageParser.MaximumEvents))
        {
            using var body = new StringContent(JsonSerializer.Serialize(delivery), Encoding.UTF8, "application/json");
            Assert.Equal(UsageParser.MaximumEvents, (await (await tenant.Http.PostAsync("/v1/usage", body)).ReadAsync()).GetProperty("accepted").GetInt32());
        }

        var row = (await (await tenant.Http.GetAsync("/v1/usage?group_by=")).ReadAsync()).GetProperty("items")[0];
        Assert.Equal((400_000_000_000, 6_000_000m), (row.GetProperty("total_tokens").GetInt64(), row.GetProperty("cost").GetDecimal()));
        Assert.Equal(0, (await (await tenant.Http.GetAsync("/v1/subscription")).ReadAsync()).GetProperty("limits").GetProperty("tokens_per_month").GetProperty("remaining").GetInt64());
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n\r\n")]
    [InlineData("GARBAGE\r\n\r\n")]
    [InlineData("GET /v1/invoices/%00 HTTP/1.1\r\nHost: localhost\r\n\r\n")]
    [InlineData("GET /\u00ff\u00fe HTTP/1.1\r\nHost: localhost\r\n\r\n")]
    [InlineData("GET http://elsewhere.example/v1/usage HTTP/1.1\r\nHost: localhost\r\n\r\n")]
    [InlineData("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n")]
    [InlineData("GET /login HTTP/1.1\r\nHost: localhost\r\nCookie: session=\u00ff\u00fe; antiforgery=\u0080\r\n\r\n")]
    [InlineData("GET /v1/usage HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \u00ff\u00c3\u0028\r\n\r\n")]
    [InlineData("GET /v1/usage HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n")]
    [InlineData("GET /login HTTP/1.1\r\nHost: localhost\r\nAccept: \u0001\r\n\r\n")]
    [InlineData("POST /v1/usage HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\nContent-Length: 11\r\n\r\n{}")]
    [InlineData("POST /v1/usage HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{}")]
    [InlineData("POST /v1/usage HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n{}")]
    [InlineData("POST /v1/usage HTTP/1.1\r\nHost: localhost\r\nContent-Length: 16000000\r\n\r\n{}")]
    [InlineData("POST /v1/usage HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n")]
    [InlineData("POST /v1/usage HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer KEY\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\nzz")]
    [InlineData("POST /v1/usage HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer KEY\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{}")]
    [InlineData("POST /v1/signup HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{}")]
    [InlineData("POST /v1/signup HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")]
    [InlineData("POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 50\r\n\r\nemail=")]
    [InlineData("POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")]
    [InlineData("POST /v1/signup HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json; charset=utf-7\r\nContent-Length: 2\r\n\r\n{}")]
    [InlineData("POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded; charset=utf-7\r\nContent-Length: 7\r\n\r\nemail=x")]
    [InlineData("POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\nemail=%zz")]
    [InlineData("POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 126\r\n\r\n--x\r\nContent-Disposition: form-data; name=\"email\"\r\nContent-Type: text/plain; charset=utf-7\r\n\r\na@example.com, padded x\r\n--x--\r\n")]
    public async Task Malformed_HTTP_never_returns_5xx(string request)
    {
        var (status, answer) = await RawHttp.SendAsync(_server.Address.Port, request.Replace("KEY", _tenant.ApiKey, StringComparison.Ordinal));
        Assert.True(status < 500 && !answer.Contains("Exception", StringComparison.Ordinal), answer);
    }

    [Fact]
    public async Task Millions_of_tiny_events_are_refused_as_too_many()
    {
        foreach (var body in (string[])[$"[{string.Join(',', Enumerable.Repeat("0", UsageParser.MaximumEvents + 1))}]", new string('0', UsageParser.MaximumEvents + 1)])
        {
            var isLines = body[0] == '0';
            var text = isLines ? string.Join('\n', body.ToCharArray()) : body;
            using var reply = await _server.PostSignedAsync(_tenant, text, contentType: isLines ? "application/x-ndjson" : "application/json");
            Assert.Equal(HttpStatusCode.RequestEntityTooLarge, reply.StatusCode);
            Assert.Contains("Send fewer per request", await reply.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("9007199254740993")]
    [InlineData("1000000001")]
    [InlineData("1e3000")]
    [InlineData("0.5")]
    public async Task A_number_that_cannot_be_counted_exactly_is_refused(string number)
    {
        using var authorize = await _tenant.PostAsync($$"""{"request_id":"r","user":"u","model":"gemini-pro","estimated_tokens":{{number}}}""", path: "/v1/authorize");
        Assert.Equal(HttpStatusCode.BadRequest, authorize.StatusCode);
    }

    Task<HttpResponseMessage> PostAsync(string latin1)
    {
        var body = new ByteArrayContent(Encoding.Latin1.GetBytes(latin1));
        body.Headers.ContentType = new("application/json");
        return _tenant.Http.PostAsync("/v1/usage", body);
    }
}
