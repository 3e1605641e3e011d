using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace ControlPlane.Tests;

/// <summary>Operators change names, routes, prices and plans of models over HTTP.</summary>
public sealed class ModelJourneys : IAsyncLifetime
{
    static readonly DateTimeOffset Now = new(2026, 11, 30, 9, 0, 0, TimeSpan.Zero);

    TestServer _server = null!;

    public async Task InitializeAsync() => _server = await TestServer.StartAsync(clock: Now);

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task The_catalog_shows_retired_names_with_their_prices_and_coming_prices_of_present_models()
    {
        var models = (await ListAsync()).ToDictionary(model => model.GetProperty("name").GetString()!);

        Assert.True(models["claude-3-opus"].GetProperty("is_retired").GetBoolean());
        Assert.Equal(0.015m, models["claude-3-opus"].GetProperty("prices")[0].GetProperty("completion_eur_per_thousand").GetDecimal());
        Assert.Equal("2026-01-05T00:00:00+00:00", models["claude-3-opus"].GetProperty("routes")[0].GetProperty("effective_to").GetString());
        Assert.False(models["claude-opus-5-5"].GetProperty("is_retired").GetBoolean());
        Assert.Equal("[\"premium\",\"enterprise\"]", models["llama3:70b"].GetProperty("plans").GetRawText());
        Assert.Equal("[\"basic\",\"premium\",\"enterprise\"]", models["llama3:8b"].GetProperty("plans").GetRawText());
        Assert.Equal(44032, models["llama3:70b"].GetProperty("memory_mib").GetInt32());
        Assert.Equal(["0.000750", "0.001500"], models["gemini-3.8-flash"].GetProperty("prices").EnumerateArray().Select(price => price.GetProperty("prompt_eur_per_thousand").GetRawText()));
    }

    [Fact]
    public async Task A_new_model_is_sold_at_once_at_its_price_and_its_gateways_follow_when_environments_start()
    {
        var name = Names.Random("own-");
        var tenant = await _server.CreateReadyTenantAsync();
        Assert.Equal("model_not_in_plan", (await tenant.AuthorizeAsync(1, model: name)).Reason);

        var added = await AddAsync(name, plans: ["basic"]);
        Assert.Equal(HttpStatusCode.Created, added.StatusCode);
        Assert.Equal("[\"basic\",\"enterprise\"]", (await added.ReadAsync()).GetProperty("plans").GetRawText());
        Assert.True((await tenant.AuthorizeAsync(1, model: name)).Allow);
        await _server.ReportAsync(tenant, Deliveries.Event("a", _server.Clock.GetUtcNow(), 1000, 1000, name)).CountsAsync();
        Assert.Equal(0.003m, await _server.ReadAsync<decimal>("select cost from control.usage_event where tenant_id = $1", tenant.Id));

        (await tenant.Http.PostAsync("/v1/environment/restart", content: null)).EnsureSuccessStatusCode();
        await _server.RunJobAsync("provision");
        var gateway = await File.ReadAllTextAsync(Path.Combine(_server.DataFolder, "environments", tenant.Id.ToString(), "litellm", "config.yaml"));
        Assert.Contains($"model: openai/{name}", gateway, StringComparison.Ordinal);
        Assert.DoesNotContain("gemini-pro", gateway, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_second_route_is_tried_after_the_first_and_a_model_without_routes_is_retired()
    {
        var name = Names.Random("own-");
        await AddAsync(name);
        var changed = await (await PostAsync($"{name}/routes", new { provider = "openai", gateway_model = $"openai/{name}", endpoint = "https://eu.api.openai.com/v1", position = 2 })).ReadAsync();
        var routes = changed.GetProperty("routes").EnumerateArray().ToList();
        Assert.Equal([1, 2], routes.Select(route => route.GetProperty("position").GetInt32()));

        var at = Now.AddDays(3);
        var first = await (await EndAsync(name, routes[0], at)).ReadAsync();
        Assert.Equal(at, first.GetProperty("routes")[0].GetProperty("effective_to").GetDateTimeOffset());
        Assert.False(first.GetProperty("is_retired").GetBoolean());
        await _server.JumpAsync(at.AddHours(1));
        var second = await (await EndAsync(name, routes[1], null)).ReadAsync();
        Assert.True(second.GetProperty("is_retired").GetBoolean());
        var again = await EndAsync(name, routes[0], null);
        Assert.Equal(HttpStatusCode.Conflict, again.StatusCode);
        Assert.Contains("ended at 2026-12-03", await again.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_route_that_has_not_begun_is_removed()
    {
        var name = Names.Random("own-");
        await AddAsync(name);
        var changed = await (await PostAsync($"{name}/routes", new { provider = "openai", gateway_model = "openai/later", effective_from = Now.AddDays(9) })).ReadAsync();
        var coming = changed.GetProperty("routes").EnumerateArray().Single(route => route.GetProperty("gateway_model").GetString() == "openai/later");
        Assert.Single((await (await EndAsync(name, coming, null)).ReadAsync()).GetProperty("routes").EnumerateArray());
    }

    [Fact]
    public async Task A_price_applies_from_its_date_on_and_the_past_is_not_changed()
    {
        var name = Names.Random("own-");
        await AddAsync(name);
        var later = Now.AddDays(30);
        await (await PostAsync($"{name}/prices", new { prompt_eur_per_thousand = 5, completion_eur_per_thousand = 5, effective_from = later })).ReadAsync();
        var replaced = await (await PostAsync($"{name}/prices", new { prompt_eur_per_thousand = 6, completion_eur_per_thousand = 6, effective_from = later, source = "a price page" })).ReadAsync();
        Assert.Equal([0.001m, 6m], replaced.GetProperty("prices").EnumerateArray().Select(price => price.GetProperty("prompt_eur_per_thousand").GetDecimal()));

        var past = await PostAsync($"{name}/prices", new { prompt_eur_per_thousand = 7, completion_eur_per_thousand = 7, effective_from = Now.AddDays(-1) });
        Assert.Equal(HttpStatusCode.BadRequest, past.StatusCode);
        Assert.Contains("time from now on", await past.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_model_of_a_provider_is_sold_under_one_name()
    {
        var twin = await PostAsync("", Model(Names.Random("cheap-"), "openai/gpt-6-sol"));
        Assert.Equal(HttpStatusCode.Conflict, twin.StatusCode);
        Assert.Contains("is sold as gpt-6-sol", await twin.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        var route = await PostAsync("gpt-6-luna/routes", new { provider = "openai", gateway_model = "openai/gpt-6-sol" });
        Assert.Equal(HttpStatusCode.Conflict, route.StatusCode);
        Assert.Equal(HttpStatusCode.Conflict, (await PostAsync("", Model("gpt-6-sol", "openai/another"))).StatusCode);
        Assert.Equal(HttpStatusCode.Conflict, (await PostAsync("gpt-6-sol/routes", new { provider = "openai", gateway_model = "openai/gpt-6-sol" })).StatusCode);
        Assert.DoesNotContain(await ListAsync(), model => model.GetProperty("name").GetString()!.StartsWith("cheap-", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_local_model_has_no_route_to_a_provider_and_no_other_model_is_free()
    {
        await RefusesAsync("mistral:7b/routes", new { provider = "openai", gateway_model = "openai/free" }, "costs nothing, so calls to it must not reach a provider");
        await RefusesAsync("mistral:7b/routes", new { provider = "ollama", gateway_model = "openai/free" }, "Enter ollama_chat/ or ollama/");
        await RefusesAsync("mistral:7b/routes", new { provider = "ollama", gateway_model = "ollama_chat/x", endpoint = "https://elsewhere.example" }, "local models run on the Ollama");
        await RefusesAsync("gpt-6-sol/routes", new { provider = "ollama", gateway_model = "ollama_chat/x" }, "is not a local model");
        await RefusesAsync("gpt-6-sol/prices", new { prompt_eur_per_thousand = 0, completion_eur_per_thousand = 0 }, "Only local models cost nothing");
        await RefusesAsync("", Model("free", "openai/free", price: 0), "Only local models cost nothing");
    }

    // The provider's key is sent to the endpoint.
    [Theory]
    [InlineData("http://api.openai.com/v1"), InlineData("https://api.openai.com.evil.example/v1"), InlineData("https://evil.example/?api.openai.com"), InlineData("https://user@api.openai.com/v1")]
    [InlineData("https://api.openai.com:8443/v1"), InlineData("https://10.0.0.1/v1"), InlineData("https://xapi.openai.com/v1"), InlineData("api.openai.com"), InlineData("https://api.openai.com/v1\0")]
    public Task An_endpoint_is_one_of_the_provider(string endpoint) =>
        RefusesAsync("gpt-6-sol/routes", new { provider = "openai", gateway_model = "openai/gpt-6-sol", endpoint }, "The provider's key is sent there");

    [Theory]
    [InlineData("", "openai/x"), InlineData("a,b", "openai/x"), InlineData("a/b", "openai/x"), InlineData("*", "openai/x"), InlineData("a b", "openai/x"), InlineData("ä", "openai/x"), InlineData("a\0", "openai/x")]
    [InlineData("fine", "x"), InlineData("fine", "anthropic/x"), InlineData("fine", "openai/"), InlineData("fine", "openai/*"), InlineData("fine", "openai/x,y"), InlineData("fine", null)]
    public Task A_name_or_id_that_gateways_would_take_for_something_else_is_refused(string name, string? gatewayModel) => RefusesAsync("", Model(name, gatewayModel), "Enter");

    [Fact]
    public async Task Without_a_price_or_with_an_unknown_plan_or_model_nothing_is_changed()
    {
        await RefusesAsync("", new { name = "own", provider = "openai", gateway_model = "openai/own" }, "price.prompt_eur_per_thousand");
        await RefusesAsync("", Model("own", "openai/own", plans: ["gold"]), "from trial, basic, premium");
        await RefusesAsync("gpt-6-sol/prices", new { prompt_eur_per_thousand = 0.0000001m, completion_eur_per_thousand = 1 }, "at most six decimals");
        await RefusesAsync("gpt-6-sol/prices", new { prompt_eur_per_thousand = -1, completion_eur_per_thousand = 1 }, "from 0 to 1000");
        Assert.Equal(HttpStatusCode.BadRequest, (await _server.Operator.PutAsJsonAsync("/v1/admin/models/gpt-6-sol/plans", new { plans = (string[]?)null })).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await _server.Operator.PutAsJsonAsync("/v1/admin/models/nothing/plans", new { plans = Array.Empty<string>() })).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await _server.Operator.DeleteAsync($"/v1/admin/models/gpt-6-sol/routes/{Ids.New(_server.Clock)}")).StatusCode);
        Assert.DoesNotContain(await ListAsync(), model => model.GetProperty("name").GetString() == "own");
    }

    [Fact]
    public async Task Plans_are_replaced_and_the_list_is_read_page_by_page()
    {
        var name = Names.Random("own-");
        await AddAsync(name, plans: ["basic"]);
        var changed = await (await _server.Operator.PutAsJsonAsync($"/v1/admin/models/{name}/plans", new { plans = (string[])["trial", "premium"] })).ReadAsync();
        Assert.Equal("[\"trial\",\"premium\",\"enterprise\"]", changed.GetProperty("plans").GetRawText());

        var (names, cursor) = (new List<string>(), "");
        do
        {
            var page = await (await _server.Operator.GetAsync($"/v1/admin/models?limit=5{cursor}")).ReadAsync();
            names.AddRange(page.GetProperty("items").EnumerateArray().Select(model => model.GetProperty("name").GetString()!));
            cursor = page.TryGetProperty("next_cursor", out var next) ? $"&cursor={Uri.EscapeDataString(next.GetString()!)}" : "";
        }
        while (cursor.Length > 0);

        Assert.Equal((await ListAsync()).Select(model => model.GetProperty("name").GetString()), names);
    }

    [Fact]
    public async Task Twenty_operators_who_add_one_model_at_the_same_time_add_it_once()
    {
        var name = Names.Random("own-");
        var replies = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => AddAsync(name)));
        Assert.Single(replies, reply => reply.StatusCode == HttpStatusCode.Created);
        Assert.Equal(19, replies.Count(reply => reply.StatusCode == HttpStatusCode.Conflict));
        Assert.Equal(1, await _server.ReadAsync<long>("select count(*) from control.model_route where model = $1", name));
    }

    static object Model(string name, string? gatewayModel, decimal price = 0.001m, string[]? plans = null) => new
    {
        name,
        provider = "openai",
        gateway_model = gatewayModel,
        price = new { prompt_eur_per_thousand = price, completion_eur_per_thousand = 2 * price },
        plans,
    };

    Task<HttpResponseMessage> AddAsync(string name, string[]? plans = null) => PostAsync("", Model(name, $"openai/{name}", plans: plans));

    Task<HttpResponseMessage> PostAsync(string path, object body) => _server.Operator.PostAsJsonAsync($"/v1/admin/models{(path.Length > 0 ? $"/{path}" : "")}", body);

    Task<HttpResponseMessage> EndAsync(string model, JsonElement route, DateTimeOffset? at) => _server.Operator.DeleteAsync(
        $"/v1/admin/models/{model}/routes/{route.GetProperty("id").GetGuid()}{(at is { } time ? $"?at={Uri.EscapeDataString(time.ToString("O"))}" : "")}");

    async Task RefusesAsync(string path, object body, string text)
    {
        using var reply = await PostAsync(path, body);
        Assert.Equal(HttpStatusCode.BadRequest, reply.StatusCode);
        Assert.Contains(text, JsonDocument.Parse(await reply.Content.ReadAsStringAsync()).RootElement.GetProperty("errors").ToString().Replace("\\u0027", "'", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    async Task<List<JsonElement>> ListAsync() => [.. (await (await _server.Operator.GetAsync("/v1/admin/models")).ReadAsync()).GetProperty("items").EnumerateArray()];
}
