using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace ControlPlane.Tests;

/// <summary>Keys for the API of an environment: what the reverse proxy is told about them, and that they give no other right.</summary>
public sealed class ChatKeyJourneys(SharedServer shared) : IClassFixture<SharedServer>
{
    const string UserHeader = "X-OpenWebUI-User-Id";

    readonly TestServer _server = shared.Server;

    [Fact]
    public async Task The_proxy_learns_the_user_from_the_key_only()
    {
        var tenant = await _server.CreateTenantAsync();
        var (key, created) = await CreateAsync(tenant, "support-bot");
        Assert.Equal(("support-bot", "chat"), (created.GetProperty("user").GetString(), created.GetProperty("scopes").EnumerateArray().Single().GetString()));

        using var request = CheckRequest(tenant.Id, key);
        request.Headers.Add(UserHeader, "someone-else");
        request.Headers.Add("X-Forwarded-Uri", "/v1/chat/completions?user=someone-else");
        using var reply = await _server.Anonymous.SendAsync(request);
        Assert.Equal((HttpStatusCode.NoContent, "support-bot"), (reply.StatusCode, reply.Headers.GetValues(UserHeader).Single()));
        Assert.False(reply.Headers.Contains("Authorization"));

        var listed = (await (await tenant.Http.GetAsync("/v1/keys")).ReadAsync()).GetProperty("items").EnumerateArray().ToDictionary(item => item.GetProperty("name").GetString()!);
        Assert.Equal("support-bot", listed["app"].GetProperty("user").GetString());
        Assert.False(listed["first key"].TryGetProperty("user", out _));
    }

    [Fact]
    public async Task A_revoked_key_ends_with_the_next_call()
    {
        var tenant = await _server.CreateTenantAsync();
        var (key, created) = await CreateAsync(tenant, "anna");
        Assert.Equal(HttpStatusCode.NoContent, (await CheckAsync(tenant.Id, key)).StatusCode);
        Assert.Equal(HttpStatusCode.NoContent, (await tenant.Http.DeleteAsync($"/v1/keys/{created.GetProperty("id").GetGuid()}")).StatusCode);
        await AssertErrorAsync(HttpStatusCode.Unauthorized, "invalid_api_key", await CheckAsync(tenant.Id, key));
    }

    [Fact]
    public async Task Other_keys_are_refused_in_the_form_that_OpenAI_clients_read()
    {
        var (tenant, other) = (await _server.CreateTenantAsync(), await _server.CreateTenantAsync());
        var (key, _) = await CreateAsync(tenant, "anna");
        await AssertErrorAsync(HttpStatusCode.Unauthorized, "missing_api_key", await CheckAsync(tenant.Id, null));
        await AssertErrorAsync(HttpStatusCode.Unauthorized, "invalid_api_key", await CheckAsync(tenant.Id, "sk-1234"));
        await AssertErrorAsync(HttpStatusCode.Unauthorized, "invalid_api_key", await CheckAsync(tenant.Id, Credentials.New(Credentials.TenantKeyPrefix)));
        await AssertErrorAsync(HttpStatusCode.Unauthorized, "invalid_api_key", await CheckAsync(tenant.Id, _server.OperatorKey));
        await AssertErrorAsync(HttpStatusCode.Unauthorized, "invalid_api_key", await CheckAsync(other.Id, key));
        await AssertErrorAsync(HttpStatusCode.Forbidden, "missing_scope", await CheckAsync(tenant.Id, tenant.ApiKey));
        var ready = await _server.CreateReadyTenantAsync();
        var secrets = await _server.Services.GetRequiredService<ISecretStore>().ReadAsync(ready.Id, CancellationToken.None);
        await AssertErrorAsync(HttpStatusCode.Forbidden, "missing_scope", await CheckAsync(ready.Id, secrets[SecretNames.GatewayKey]));
    }

    [Fact]
    public async Task Without_the_database_no_call_passes()
    {
        await using var server = await TestServer.StartAsync();
        var tenant = await server.CreateTenantAsync();
        var (key, _) = await CreateAsync(tenant, "anna");
        Assert.Equal(HttpStatusCode.NoContent, (await server.Anonymous.SendAsync(CheckRequest(tenant.Id, key))).StatusCode);
        await using (await TestCluster.RefuseAsync(server.ConnectionString))
        {
            var refused = await server.Anonymous.SendAsync(CheckRequest(tenant.Id, key));
            Assert.True(refused.Headers.RetryAfter?.Delta > TimeSpan.Zero);
            await AssertErrorAsync(HttpStatusCode.ServiceUnavailable, "unavailable", refused);
        }
    }

    [Theory]
    [InlineData("user", "chat", null)]
    [InlineData("user", "chat", "anna@example.com")]
    [InlineData("user", "chat", "Änne")]
    [InlineData("user", "chat", "*")]
    [InlineData("user", "chat", "a\nX-Other: b")]
    [InlineData("user", "usage:read", "anna")]
    [InlineData("scopes", "chat,admin", "anna")]
    [InlineData("scopes", "authorize,chat", "anna")]
    public async Task A_key_for_the_API_has_one_user_and_no_other_scope(string field, string scopes, string? user)
    {
        var tenant = await _server.CreateTenantAsync();
        using var refused = await tenant.Http.PostAsJsonAsync("/v1/keys", new { name = "app", scopes = scopes.Split(','), user });
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.True((await refused.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("errors").TryGetProperty(field, out _));
    }

    [Fact]
    public async Task The_database_refuses_a_key_for_the_API_with_other_rights()
    {
        var tenant = await _server.CreateTenantAsync();
        await CreateAsync(tenant, "anna");
        foreach (var change in (string[])["scopes = '{chat,admin}'", "scopes = '{admin}'", "user_id = null"])
        {
            await using var transaction = await _server.Database.BeginAsync(tenant.Id, CancellationToken.None);
            var refused = await Assert.ThrowsAsync<Npgsql.PostgresException>(
                () => transaction.ExecuteAsync($"update control.tenant_key set {change} where user_id = 'anna'", CancellationToken.None));
            Assert.Equal("tenant_key_of_a_user", refused.ConstraintName);
        }
    }

    [Theory]
    [InlineData("trial", false), InlineData("basic", true), InlineData("premium", true), InlineData("enterprise", true)]
    public async Task Plans_without_an_API_get_no_keys_for_it_and_show_no_address(string plan, bool hasApi)
    {
        var tenant = await _server.CreateReadyTenantAsync(plan);
        using var reply = await tenant.Http.PostAsJsonAsync("/v1/keys", new { name = "app", scopes = (string[])["chat"], user = "anna" });
        Assert.Equal(hasApi ? HttpStatusCode.Created : HttpStatusCode.BadRequest, reply.StatusCode);
        var environment = await (await tenant.Http.GetAsync("/v1/environment")).ReadAsync();
        Assert.Equal(hasApi ? $"api.{environment.GetProperty("address").GetString()}" : null, environment.TryGetProperty("api_address", out var address) ? address.GetString() : null);
        if (!hasApi)
        {
            Assert.Contains("Your plan has no API", await reply.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task It_opens_no_operation_of_the_interface_and_no_page()
    {
        var tenant = await _server.CreateReadyTenantAsync();
        var (key, _) = await CreateAsync(tenant, "anna");
        using var client = _server.NewClient(key);
        var opened = new List<string>();
        var document = JsonDocument.Parse(await _server.Anonymous.GetStringAsync("/openapi/v1.json")).RootElement;
        foreach (var path in document.GetProperty("paths").EnumerateObject())
        {
            var address = System.Text.RegularExpressions.Regex.Replace(path.Name, @"\{\w+\}", "01890000-0000-7000-8000-000000000001");
            foreach (var method in path.Value.EnumerateObject().Where(method => method.Value.TryGetProperty("security", out var security) && security.GetArrayLength() > 0))
            {
                using var request = new HttpRequestMessage(new HttpMethod(method.Name.ToUpperInvariant()), address)
                {
                    Content = method.Name == "get" ? null : address == "/v1/authorize"
                        ? JsonContent.Create(new { request_id = Names.Random("r"), user = "anna", model = "mistral:7b-instruct", estimated_tokens = 1 })
                        : JsonContent.Create(new { }),
                };
                var status = (await client.SendAsync(request)).StatusCode;
                if (status is not (HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden))
                {
                    opened.Add($"{method.Name} {path.Name}: {status}");
                }
            }
        }

        Assert.Empty(opened);
        foreach (var page in (string[])["/app", "/app/keys", "/admin"])
        {
            Assert.Equal(HttpStatusCode.Redirect, (await client.GetAsync(page)).StatusCode);
        }
    }

    [Fact]
    public async Task Usage_of_its_user_has_the_limits_that_the_tenant_sets_for_it()
    {
        var tenant = await _server.CreateReadyTenantAsync();
        var (key, _) = await CreateAsync(tenant, "support-bot");
        (await tenant.Http.PutAsJsonAsync("/v1/user-limits/support-bot", new { tokens_per_day = 100 })).EnsureSuccessStatusCode();
        var user = (await CheckAsync(tenant.Id, key)).Headers.GetValues(UserHeader).Single();
        Assert.Equal("user_limit", (await tenant.AuthorizeAsync(101, user)).Reason);
        Assert.True((await tenant.AuthorizeAsync(100, user)).Allow);
    }

    [Fact]
    public async Task The_portal_creates_one_and_explains_how_to_use_it()
    {
        var person = Person.New() with { Plan = "basic" };
        var id = await person.CompleteAsync(_server);
        using var browser = await person.SignInAsync(_server);
        var refused = await browser.SubmitAsync("/app/keys", "/app/keys/api", ("api_name", "bot"), ("api_user", "no spaces"));
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Contains("Enter the user whose calls these are", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);

        var page = await (await browser.SubmitAsync("/app/keys", "/app/keys/api", ("api_name", "bot"), ("api_user", "support-bot"))).Content.ReadAsStringAsync();
        Assert.Contains("/app/limits?user=support-bot", page, StringComparison.Ordinal);
        var key = System.Text.RegularExpressions.Regex.Match(page, "cpt_[A-Za-z0-9_-]{43}").Value;
        Assert.Equal(HttpStatusCode.NoContent, (await CheckAsync(id, key)).StatusCode);
        Assert.Contains($"api.{person.Slug}.users.", await browser.GetStringAsync("/app/environment"), StringComparison.Ordinal);

        var trial = Person.New();
        await trial.CompleteAsync(_server);
        using var other = await trial.SignInAsync(_server);
        Assert.Contains("Your plan has no API", await other.GetStringAsync("/app/keys"), StringComparison.Ordinal);
        Assert.DoesNotContain($"api.{trial.Slug}", await other.GetStringAsync("/app/environment"), StringComparison.Ordinal);
    }

    static async Task<(string Key, JsonElement Created)> CreateAsync(TestTenant tenant, string user)
    {
        var created = await (await tenant.Http.PostAsJsonAsync("/v1/keys", new { name = "app", scopes = (string[])["chat"], user })).ReadAsync();
        return (created.GetProperty("key").GetString()!, created);
    }

    static HttpRequestMessage CheckRequest(Guid tenant, string? key) =>
        new(HttpMethod.Get, $"{DataPlaneOptions.KeyCheckPath}/{tenant}") { Headers = { Authorization = key is null ? null : new("Bearer", key) } };

    Task<HttpResponseMessage> CheckAsync(Guid tenant, string? key) => _server.Anonymous.SendAsync(CheckRequest(tenant, key));

    static async Task AssertErrorAsync(HttpStatusCode status, string code, HttpResponseMessage reply)
    {
        var text = await reply.Content.ReadAsStringAsync();
        Assert.True(status == reply.StatusCode, $"{reply.StatusCode}: {text}");
        var error = JsonDocument.Parse(text).RootElement.GetProperty("error");
        Assert.Equal((code, JsonValueKind.Null), (error.GetProperty("code").GetString(), error.GetProperty("param").ValueKind));
        Assert.NotEmpty(error.GetProperty("message").GetString()!);
        Assert.False(reply.Headers.Contains(UserHeader));
    }
}
