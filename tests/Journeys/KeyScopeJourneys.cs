using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using ControlPlane.Tests.Support.Fuzzing;
using Microsoft.AspNetCore.Authorization;

namespace ControlPlane.Tests;

/// <summary>A tenant key may do what its scopes say.</summary>
public sealed class KeyScopeJourneys(SharedServer shared) : IClassFixture<SharedServer>
{
    /// <summary>Routes that a narrower scope than admin opens.</summary>
    static readonly Dictionary<string, string> ScopeOf = new()
    {
        ["POST /v1/authorize"] = "authorize",
        ["POST /v1/usage"] = "usage:write",
        ["POST /v1/usage/litellm"] = "usage:write",
        ["GET /v1/usage"] = "usage:read",
        ["GET /v1/subscription"] = "billing:read",
        ["GET /v1/invoices"] = "billing:read",
        ["GET /v1/invoices/{number}"] = "billing:read",
        ["GET /v1/invoices/{number}.pdf"] = "billing:read",
        ["GET /v1/invoices/{number}/receipt.pdf"] = "billing:read",
        ["GET /v1/credit-notes"] = "billing:read",
        ["GET /v1/credit-notes/{number}"] = "billing:read",
        ["GET /v1/credit-notes/{number}.pdf"] = "billing:read",
        ["GET /v1/organization"] = "billing:read",
    };

    static readonly string[] Chosen = ["usage:read", "authorize"];

    readonly TestServer _server = shared.Server;

    [Theory]
    [InlineData("authorize")]
    [InlineData("usage:write")]
    [InlineData("usage:read")]
    [InlineData("billing:read")]
    [InlineData("admin")]
    [InlineData("chat")]
    public async Task Each_route_takes_its_own_scope_or_admin(string scope)
    {
        var tenant = await _server.CreateTenantAsync();
        using var client = _server.NewClient(await CreateKeyAsync(tenant, scope));
        var routes = TenantRoutes();
        Assert.Contains(routes, route => NameOf(route) == "POST /v1/keys");
        Assert.Empty(ScopeOf.Keys.Except(routes.Select(NameOf)));

        var wrong = new List<string>();
        foreach (var route in routes)
        {
            using var request = new HttpRequestMessage(new HttpMethod(route.Method), route.Path(_ => "01890000-0000-7000-8000-000000000001")) { Content = BodyOf(route) };
            using var reply = await client.SendAsync(request);
            var needed = ScopeOf.GetValueOrDefault(NameOf(route), "admin");
            var text = await reply.Content.ReadAsStringAsync();
            if (reply.StatusCode == HttpStatusCode.Forbidden == (scope == "admin" || scope == needed)
                || (reply.StatusCode == HttpStatusCode.Forbidden && !text.Contains($"\"missing_scope\":\"{needed}\"", StringComparison.Ordinal)))
            {
                wrong.Add($"{route} -> {reply.StatusCode} {text}");
            }
        }

        Assert.Empty(wrong);
    }

    [Fact]
    public async Task The_gateways_key_authorizes_and_reports_usage_and_nothing_else()
    {
        var tenant = await _server.CreateReadyTenantAsync();
        var secrets = await _server.Services.GetRequiredService<ISecretStore>().ReadAsync(tenant.Id, CancellationToken.None);
        var gateway = tenant with { Http = _server.NewClient(secrets[SecretNames.GatewayKey]) };

        Assert.True((await gateway.AuthorizeAsync(10)).Allow);
        Assert.Equal(1, (await gateway.PostAsync(JsonSerializer.Serialize(Deliveries.Event("e1", _server.Clock.GetUtcNow()))).CountsAsync()).Accepted);
        foreach (var route in TenantRoutes().Where(route => ScopeOf.GetValueOrDefault(NameOf(route)) is not ("authorize" or "usage:write")))
        {
            using var request = new HttpRequestMessage(new HttpMethod(route.Method), route.Path(_ => "01890000-0000-7000-8000-000000000001")) { Content = BodyOf(route) };
            Assert.Equal((route.ToString(), HttpStatusCode.Forbidden), (route.ToString(), (await gateway.Http.SendAsync(request)).StatusCode));
        }
    }

    [Fact]
    public async Task A_key_has_the_scopes_that_were_chosen_and_every_right_where_none_were()
    {
        var tenant = await _server.CreateTenantAsync();
        var scoped = await (await tenant.Http.PostAsJsonAsync("/v1/keys", new { name = "scoped", scopes = Chosen })).ReadAsync();
        var unscoped = await (await tenant.Http.PostAsJsonAsync("/v1/keys", new { name = "unscoped" })).ReadAsync();
        Assert.Equal(["authorize", "usage:read"], ScopesOf(scoped));
        Assert.Equal(["admin"], ScopesOf(unscoped));
        var listed = (await (await tenant.Http.GetAsync("/v1/keys")).ReadAsync()).GetProperty("items").EnumerateArray().ToDictionary(item => item.GetProperty("name").GetString()!, ScopesOf);
        Assert.Equal(["authorize", "usage:read"], listed["scoped"]);
        Assert.Equal(["admin"], listed["first key"]);

        foreach (var scopes in (string[][])[[], ["everything"], ["authorize", "root"]])
        {
            var refused = await tenant.Http.PostAsJsonAsync("/v1/keys", new { name = "wrong", scopes });
            Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
            Assert.True((await refused.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("errors").TryGetProperty("scopes", out _));
        }
    }

    [Fact]
    public async Task The_portal_creates_a_key_with_the_selected_scopes()
    {
        var person = Person.New();
        await person.CompleteAsync(_server);
        using var browser = await person.SignInAsync(_server);
        var refused = await browser.SubmitAsync("/app/keys", "/app/keys", ("name", "reports"));
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Contains("Select at least one of the scopes", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);

        var page = await (await browser.SubmitAsync("/app/keys", "/app/keys", ("name", "reports"), ("scopes", "usage:read"), ("scopes", "billing:read"))).Content.ReadAsStringAsync();
        Assert.Contains("usage:read, billing:read", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_former_release_finds_only_keys_that_may_do_everything()
    {
        var tenant = await _server.CreateTenantAsync();
        var narrow = await CreateKeyAsync(tenant, "usage:read");
        const string find = "select count(*) from control.find_tenant_key($1)";
        Assert.Equal(0, await _server.ReadAsync<long>(find, Credentials.Hash(narrow)));
        Assert.Equal(1, await _server.ReadAsync<long>(find, Credentials.Hash(tenant.ApiKey)));
    }

    static async Task<string> CreateKeyAsync(TestTenant tenant, string scope) =>
        (await (await tenant.Http.PostAsJsonAsync("/v1/keys", new { name = Names.Random("key"), scopes = new[] { scope }, user = scope == "chat" ? "anna" : null })).ReadAsync()).GetProperty("key").GetString()!;

    static List<string?> ScopesOf(JsonElement key) => [.. key.GetProperty("scopes").EnumerateArray().Select(scope => scope.GetString())];

    List<FuzzedRoute> TenantRoutes()
    {
        var tenants = _server.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(endpoint => endpoint.Metadata.OfType<IAuthorizeData>().Any(data => data.Policy == Policies.Tenant)).Select(endpoint => endpoint.RoutePattern.RawText).ToHashSet();
        return [.. FuzzedRoute.All(_server).Where(route => tenants.Contains(route.Pattern.RawText) || ScopeOf.ContainsKey(NameOf(route)))];
    }

    // A group's own route ends with a slash.
    static string NameOf(FuzzedRoute route) => route.ToString().TrimEnd('/');

    static JsonContent? BodyOf(FuzzedRoute route) => route.Method is "GET" or "DELETE" ? null : route.ToString() == "POST /v1/authorize"
        ? JsonContent.Create(new { request_id = Names.Random("r"), user = "u", model = "mistral:7b-instruct", estimated_tokens = 1 })
        : JsonContent.Create(new { });
}
