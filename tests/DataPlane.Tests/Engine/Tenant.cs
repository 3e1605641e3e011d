using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace ControlPlane.Tests.Engine;

/// <summary>A tenant whose environment the control plane has started.</summary>
/// <param name="Http">Calls the control plane with the tenant's key.</param>
public sealed record Tenant(Platform Platform, Guid Id, string Slug, HttpClient Http)
{
    static readonly TimeSpan Timeout = TimeSpan.FromMinutes(6);

    /// <summary>From the request to the ready environment.</summary>
    public TimeSpan Start { get; private init; }

    /// <summary>Creates a tenant as an operator does, and waits for its environment.</summary>
    public static async Task<Tenant> CreateAsync(Platform platform, string plan)
    {
        var slug = $"engine-{plan}-{RandomNumberGenerator.GetString("abcdefghijklmnopqrstuvwxyz", 4)}";
        var clock = Stopwatch.StartNew();
        var created = await ReadAsync(await platform.Operator.PostAsJsonAsync(
            "/v1/admin/tenants", new { organization = $"Organization {slug}", slug, plan, email = $"owner@{slug}.example", country = "DE" }));
        var http = new HttpClient { BaseAddress = platform.ControlPlane };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", created.GetProperty("api_key").GetString());
        var tenant = new Tenant(platform, created.GetProperty("tenant_id").GetGuid(), slug, http);
        await tenant.WaitForAsync("ready");
        return tenant with { Start = clock.Elapsed };
    }

    public string Host => $"{Slug}.users.{Platform.Domain}";

    /// <summary>Where its API is reached.</summary>
    public string ApiHost => TenantEnvironment.ApiAddressOf(Host);

    /// <summary>Name of a service's container.</summary>
    public string Container(string service) => $"tenant-{Id}-{service}-1";

    public string Network(string name) => $"tenant-{Id}_{name}";

    public async Task<string[]> ContainersAsync(bool all = true) => await Docker.LinesAsync(
        ["ps", .. all ? ["--all"] : Array.Empty<string>(), "--filter", $"label=com.docker.compose.project=tenant-{Id}", "--format", "{{.Names}}"]);

    /// <summary>Waits for a state of the environment. The control plane repeats a failed step, such as one that took too long on a busy machine.</summary>
    public async Task WaitForAsync(string state)
    {
        for (var clock = Stopwatch.StartNew(); ; await Task.Delay(500))
        {
            if (await Platform.QueryAsync($"select state from control.environment where tenant_id = '{Id}'") == state)
            {
                return;
            }

            var steps = await Platform.QueryAsync(LatestSteps.Replace("$1", $"'{Id}'", StringComparison.Ordinal));
            Assert.False(clock.Elapsed > Timeout, $"The environment of {Slug} is not {state}:\n{steps}");
        }
    }

    /// <summary>What an operator does, or the tenant with its own key where that may do it.</summary>
    public async Task ActAsync(string action) => await ReadAsync(
        action == "restart" ? await Http.PostAsync("/v1/environment/restart", content: null) : await Platform.Operator.PostAsync($"/v1/admin/tenants/{Id}/{action}", content: null));

    /// <summary>Signs in to Open WebUI through the proxy and sends a chat.</summary>
    public async Task<(HttpStatusCode Status, JsonElement Body)> ChatAsync(string model, string text)
    {
        var settings = await EnvironmentAsync("open-webui");
        var session = await SendAsync("/api/v1/auths/signin", new { email = settings["WEBUI_ADMIN_EMAIL"], password = settings["WEBUI_ADMIN_PASSWORD"] });
        Assert.True(session.Status == HttpStatusCode.OK, $"{session.Status}: {session.Body}");
        return await SendAsync(
            "/api/chat/completions", new { model, messages = new[] { new { role = "user", content = text } }, max_tokens = 20 }, session.Body.GetProperty("token").GetString());
    }

    /// <returns>A key of the tenant's API, for calls of this user.</returns>
    public async Task<string> CreateApiKeyAsync(string user) =>
        (await ReadAsync(await Http.PostAsJsonAsync("/v1/keys", new { name = "app", scopes = (string[])["chat"], user }))).GetProperty("key").GetString()!;

    /// <summary>Sends JSON to the environment's address, as a browser does, or to another one.</summary>
    public async Task<(HttpStatusCode Status, JsonElement Body)> SendAsync(string path, object? body = null, string? token = null, string? host = null)
    {
        using var request = new HttpRequestMessage(body is null ? HttpMethod.Get : HttpMethod.Post, path) { Headers = { Host = host ?? Host } };
        // With a length, as browsers do.
        request.Content = body is null ? null : new StringContent(JsonSerializer.Serialize(body), Encoding.UTF8, "application/json");
        request.Headers.Authorization = token is null ? null : new("Bearer", token);
        using var response = await Platform.Internet.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        return (response.StatusCode, text.StartsWith('{') ? JsonDocument.Parse(text).RootElement : default);
    }

    /// <summary>The environment variables of a service's container.</summary>
    public async Task<Dictionary<string, string>> EnvironmentAsync(string service) =>
        (await Docker.InspectAsync(Container(service), "{{range .Config.Env}}{{println .}}{{end}}")).Split('\n').Select(line => line.Split('=', 2)).Where(pair => pair.Length == 2)
        .ToDictionary(pair => pair[0], pair => pair[1]);

    /// <summary>Waits until the gateway has delivered its usage events and the control plane has counted them.</summary>
    /// <returns>The number of events and of their tokens.</returns>
    public async Task<(int Events, long Tokens)> UsageAsync(int atLeast = 0)
    {
        for (var clock = Stopwatch.StartNew(); ; await Task.Delay(500))
        {
            var waiting = await Docker.ExecAsync(Container("litellm"), "sh", "-c", "ls /var/spool/budget | grep -c json || :");
            var figures = (await Platform.QueryAsync($"select count(*), coalesce(sum(prompt_tokens + completion_tokens), 0) from control.usage_event where tenant_id = '{Id}'")).Split('|');
            var usage = (Events: int.Parse(figures[0], CultureInfo.InvariantCulture), Tokens: long.Parse(figures[1], CultureInfo.InvariantCulture));
            if ((waiting == "0" && usage.Events >= atLeast) || clock.Elapsed > Timeout)
            {
                return usage;
            }
        }
    }

    const string LatestSteps = """
        select name, state, detail from control.provisioning_step
        where run_id = (select id from control.provisioning_run where tenant_id = $1 order by ordinal desc limit 1) order by ordinal
        """;

    static async Task<JsonElement> ReadAsync(HttpResponseMessage response)
    {
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, $"{(int)response.StatusCode} from {response.RequestMessage?.RequestUri}: {text}");
        return JsonDocument.Parse(text).RootElement;
    }
}
