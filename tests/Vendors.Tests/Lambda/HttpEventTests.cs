using System.Globalization;
using System.Text;
using System.Text.Json;
using ControlPlane.Lambda.Hosting;

namespace ControlPlane.Tests.Lambda;

/// <summary>The functions <c>api</c> and <c>usage</c> with events in API Gateway's exact format.</summary>
public sealed class HttpEventTests
{
    [OfficialPackagesFact]
    public async Task An_event_is_served_as_a_request_and_returns_its_response()
    {
        await using var rig = await LambdaRig.StartAsync();
        var api = await rig.ComposeAsync("api");
        var health = await SendAsync(api, new HttpEvent("GET", "/healthz", origin: ""));
        Assert.Equal((200, "up", "no-store", "nosniff"), (health.Status, health.Json.GetProperty("status").GetString(), health.Header("Cache-Control"), health.Header("X-Content-Type-Options")));
        Assert.StartsWith("max-age=", health.Header("Strict-Transport-Security"), StringComparison.Ordinal);
        Assert.Equal(403, (await SendAsync(api, new HttpEvent("GET", "/", origin: "guessed"))).Status);
        var missing = await SendAsync(api, new HttpEvent("GET", "/v1/nothing"));
        Assert.Equal((404, "application/problem+json", false), (missing.Status, missing.Header("Content-Type"), missing.IsBase64));
    }

    [OfficialPackagesFact]
    public async Task Paths_and_queries_arrive_unchanged()
    {
        await using var rig = await LambdaRig.StartAsync();
        var api = await rig.ComposeAsync("api");
        // API Gateway decodes paths, but not queries.
        var lookup = await SendAsync(api, new HttpEvent("GET", "/v1/signup/slug/a bü"));
        Assert.Equal("a bü", lookup.Json.GetProperty("slug").GetString());
        var (_, key, _) = await rig.TenantAsync();
        foreach (var user in (string[])["okta/ada", "okta%2Fada", "a+b %", "ü"])
        {
            Assert.Equal(user, (await SendAsync(api, new HttpEvent("PUT", $"/v1/user-limits/{user}").Key(key).Json(new { }))).Json.GetProperty("user").GetString());
            Assert.Equal(user, (await SendAsync(api, new HttpEvent("GET", $"/v1/user-limits/{user}").Key(key))).Json.GetProperty("user").GetString());
        }

        var usage = await SendAsync(api, new HttpEvent("GET", "/v1/usage", "from=2026-01-01&to=2026-02-01&group_by=day%2Cmodel").Key(key));
        Assert.Equal(200, usage.Status);
        Assert.Equal(400, (await SendAsync(api, new HttpEvent("GET", "/v1/usage", "from=January").Key(key))).Status);
    }

    [OfficialPackagesFact]
    public async Task Bodies_are_limited_and_keys_are_checked_before_them()
    {
        await using var rig = await LambdaRig.StartAsync();
        var (api, usage) = (await rig.ComposeAsync("api"), await rig.ComposeAsync("usage"));
        var (_, key, _) = await rig.TenantAsync();
        var large = Encoding.UTF8.GetBytes($"{{\"email\":\"{new string('x', 65 * 1024)}\"}}");

        Assert.Equal(413, (await SendAsync(api, new HttpEvent("POST", "/login").Body("application/x-www-form-urlencoded", large))).Status);
        Assert.Equal(413, (await SendAsync(api, new HttpEvent("POST", "/v1/signup").Body("application/json", large))).Status);
        Assert.Equal(413, (await SendAsync(usage, new HttpEvent("POST", "/v1/authorize").Key(key).Body("application/json", large))).Status);
        Assert.Equal(401, (await SendAsync(usage, new HttpEvent("POST", "/v1/authorize").Body("application/json", large))).Status);
        Assert.Equal(401, (await SendAsync(usage, new HttpEvent("POST", "/v1/usage").Body("application/json", large))).Status);
    }

    [OfficialPackagesFact]
    public async Task A_signature_is_valid_for_text_and_base64_bodies()
    {
        await using var rig = await LambdaRig.StartAsync();
        var usage = await rig.ComposeAsync("usage");
        var tenant = await rig.TenantAsync();
        var body = JsonSerializer.SerializeToUtf8Bytes(new[] { Event("ä1"), Event("ä2") });
        var asText = await SendAsync(usage, Signed(tenant, "application/json", body));
        Assert.Equal((200, 2), (asText.Status, asText.Json.GetProperty("accepted").GetInt32()));
        var inBase64 = await SendAsync(usage, Signed(tenant, "application/cloudevents-batch+json", body));
        Assert.Equal(200, inBase64.Status);
        var lines = Encoding.UTF8.GetBytes(string.Join('\n', JsonSerializer.Serialize(Event("ä2")), JsonSerializer.Serialize(Event("ä3"))));
        var ndjson = await SendAsync(usage, Signed(tenant, "application/x-ndjson", lines));
        Assert.Equal((1, 1), (ndjson.Json.GetProperty("accepted").GetInt32(), ndjson.Json.GetProperty("duplicates").GetInt32()));
        var changed = await SendAsync(usage, Signed(tenant, "application/json", body, sent: [.. body, (byte)' ']));
        Assert.Equal(401, changed.Status);
    }

    [OfficialPackagesFact]
    public async Task A_stream_of_events_is_ingested_completely_and_once()
    {
        await using var rig = await LambdaRig.StartAsync();
        var usage = await rig.ComposeAsync("usage");
        var (_, key, _) = await rig.TenantAsync();
        var lines = Encoding.UTF8.GetBytes(string.Join('\n', Enumerable.Range(0, 5_000).Select(i => JsonSerializer.Serialize(Event($"e{i}")))));
        for (var delivery = 0; delivery < 2; delivery++)
        {
            var response = await SendAsync(usage, new HttpEvent("POST", "/v1/usage").Key(key).Body("application/x-ndjson", lines));
            Assert.Equal(delivery == 0 ? (5_000, 0) : (0, 5_000), (response.Json.GetProperty("accepted").GetInt32(), response.Json.GetProperty("duplicates").GetInt32()));
        }
    }

    [OfficialPackagesFact]
    public async Task Cookies_are_read_from_a_list_and_returned_as_one()
    {
        await using var rig = await LambdaRig.StartAsync();
        var api = await rig.ComposeAsync("api");
        var login = await SendAsync(api, new HttpEvent("GET", "/admin/login").Header("Accept", "text/html,application/xhtml+xml"));
        var antiforgery = Assert.Single(login.Cookies);
        Assert.Null(login.Header("Set-Cookie"));
        var token = login.Text.Split("name=\"__RequestVerificationToken\" value=\"")[1].Split('"')[0];

        // API Gateway sends form bodies as base64.
        var form = Encoding.ASCII.GetBytes($"__RequestVerificationToken={Uri.EscapeDataString(token)}&key={Uri.EscapeDataString(LambdaRig.OperatorKey)}");
        var signedIn = await SendAsync(api, new HttpEvent("POST", "/admin/login").Cookies("theme=dark", antiforgery.Split(';')[0]).Body("application/x-www-form-urlencoded", form));
        Assert.Equal((303, "/admin"), (signedIn.Status, signedIn.Header("Location")));
        var session = Assert.Single(signedIn.Cookies, cookie => cookie.StartsWith("operator_session=", StringComparison.Ordinal));
        Assert.Contains("secure", session, StringComparison.OrdinalIgnoreCase);

        var page = await SendAsync(api, new HttpEvent("GET", "/admin/jobs").Cookies("theme=dark", session.Split(';')[0]).Header("Accept", "text/html"));
        Assert.Equal((200, "text/html; charset=utf-8"), (page.Status, page.Header("Content-Type")));
        Assert.Contains("nightly", page.Text, StringComparison.Ordinal);
    }

    [OfficialPackagesFact]
    public async Task Headers_with_several_values_arrive_complete()
    {
        await using var rig = await LambdaRig.StartAsync();
        var api = await rig.ComposeAsync("api");
        var page = await SendAsync(api, new HttpEvent("GET", "/v1/verify", "token=x").Header("Accept", "text/html, application/xhtml+xml, */*;q=0.8"));
        Assert.StartsWith("text/html", page.Header("Content-Type"), StringComparison.Ordinal);
        var tag = (await SendAsync(api, new HttpEvent("GET", "/assets/site.css"))).Header("ETag")!;
        Assert.Equal(304, (await SendAsync(api, new HttpEvent("GET", "/assets/site.css").Header("If-None-Match", $"\"other\", {tag}"))).Status);
    }

    [OfficialPackagesFact]
    public async Task Text_is_returned_as_text_and_binary_content_as_base64()
    {
        await using var rig = await LambdaRig.StartAsync();
        rig.Settings["CONTROLPLANE_SANDBOX"] = "true";
        var (api, jobs) = (await rig.ComposeAsync("api"), await rig.ComposeAsync("jobs"));
        foreach (var (path, type) in new[] { ("/assets/site.css", "text/css"), ("/assets/site.js", "text/javascript"), ("/assets/icon.svg", "image/svg+xml"), ("/openapi/v1.json", "application/json") })
        {
            var asset = await SendAsync(api, new HttpEvent("GET", path));
            Assert.Equal((200, false), (asset.Status, asset.IsBase64));
            Assert.StartsWith(type, asset.Header("Content-Type"), StringComparison.Ordinal);
        }

        var tenant = await rig.TenantAsync();
        Assert.Equal(200, (await SendAsync(api, new HttpEvent("POST", "/v1/sandbox/clock").Key(LambdaRig.OperatorKey).Json(new { now = TimeProvider.System.GetUtcNow().AddDays(40) }))).Status);
        await LambdaRig.InvokeAsync(jobs, """{"job": "billing"}""");
        var number = (await SendAsync(api, new HttpEvent("GET", "/v1/invoices").Key(tenant.Key))).Json.GetProperty("items")[0].GetProperty("number").GetString();
        var pdf = await SendAsync(api, new HttpEvent("GET", $"/v1/invoices/{number}.pdf").Key(tenant.Key));
        Assert.Equal((200, "application/pdf", true), (pdf.Status, pdf.Header("Content-Type"), pdf.IsBase64));
        Assert.Equal("%PDF-"u8, pdf.Bytes.AsSpan(0, 5));
        Assert.Equal(pdf.Header("Content-Length") ?? $"{pdf.Bytes.Length}", $"{pdf.Bytes.Length}");
    }

    [OfficialPackagesFact]
    public async Task A_slow_request_is_rolled_back_and_gets_503_before_Lambdas_timeout()
    {
        await using var rig = await LambdaRig.StartAsync();
        var api = await rig.ComposeAsync("api");
        var request = new HttpEvent("POST", "/v1/admin/tenants").Key(LambdaRig.OperatorKey)
            .Json(new { organization = "O", slug = "acme", plan = "basic", email = "owner@acme.example", country = "DE" });
        await using (var other = await rig.Database.BeginJobAsync(default))
        {
            await other.ExecuteAsync("lock table control.tenant in access exclusive mode", default);
            var stopped = new HttpEventResponse(await LambdaRig.InvokeAsync(api, request.ToString(), remaining: TimeSpan.FromSeconds(4)));
            Assert.Equal((503, "5", "Timed out"), (stopped.Status, stopped.Header("Retry-After"), stopped.Json.GetProperty("title").GetString()));
        }

        Assert.Equal(201, (await SendAsync(api, request)).Status);
    }

    [OfficialPackagesFact]
    public async Task A_warmed_up_process_holds_no_state()
    {
        foreach (var name in (string[])["api", "usage", "authorize", "jobs", "provision"])
        {
            await using var rig = await LambdaRig.StartAsync();
            var host = rig.Host(name);
            await host.WarmUpAsync(default);
            Assert.Equal("", rig.Log);
            await host.DisposeAsync();
        }
    }

    static async Task<HttpEventResponse> SendAsync(Function function, HttpEvent request) => new(await LambdaRig.InvokeAsync(function, request.ToString()));

    // The same time at every delivery.
    static readonly DateTimeOffset Now = TimeProvider.System.GetUtcNow();

    static object Event(string id) =>
        new { id, occurred_at = Now, user = "ada", model = "mistral:7b-instruct", prompt_tokens = 10, completion_tokens = 5 };

    static HttpEvent Signed(RigTenant tenant, string contentType, byte[] body, byte[]? sent = null)
    {
        var timestamp = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        return new HttpEvent("POST", "/v1/usage")
            .Header("X-Tenant-Id", tenant.Id.ToString()).Header("webhook-id", "msg_1").Header("webhook-timestamp", timestamp)
            .Header("webhook-signature", WebhookSignature.Sign(Convert.FromBase64String(tenant.WebhookSecret["whsec_".Length..]), "msg_1", timestamp, body))
            .Body(contentType, sent ?? body);
    }
}
