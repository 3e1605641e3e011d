using Microsoft.Extensions.Logging.Abstractions;

namespace ControlPlane.Tests;

/// <summary>The job `health` asks providers and Ollama whether routes answer. A local server stands in for all of them.</summary>
public sealed class ModelHealthJourneys : IAsyncLifetime
{
    TestServer _server = null!;
    WebApplication _providers = null!;
    Uri _address = null!;
    bool _hangs;

    public async Task InitializeAsync()
    {
        _server = await TestServer.StartAsync();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        _providers = builder.Build();
        _address = new Uri($"http://127.0.0.1:{FreePort.Find()}");
        _providers.Urls.Add(_address.AbsoluteUri);
        _providers.MapGet("/openai/v1/models/{id}", (string id, HttpRequest request) =>
            request.Headers.Authorization != "Bearer sk-openai" ? Results.Unauthorized() : id == "gpt-6-sol" ? Results.Ok() : Results.NotFound());
        _providers.MapGet("/anthropic/v1/models/{id}", async (HttpRequest request) =>
        {
            if (_hangs)
            {
                await Task.Delay(Timeout.Infinite, request.HttpContext.RequestAborted);
            }

            return request.Headers["x-api-key"] == "sk-other" && request.Headers["anthropic-version"].Count == 1 ? Results.Ok() : Results.StatusCode(403);
        });
        // A redirect is not followed: the key would go with it.
        _providers.MapGet("/gemini/v1beta/models/{id}", () => Results.Redirect("/openai/v1/models/gpt-6-sol"));
        _providers.MapGet("/api/tags", () => Results.Json(new { models = (object[])[new { name = "mistral:7b-instruct" }, new { name = "phi3:mini" }, new { name = "llama3:70b" }] }));
        await _providers.StartAsync();
    }

    public async Task DisposeAsync()
    {
        await _providers.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task The_state_of_each_route_is_stored_and_shown_and_those_of_sold_models_that_do_not_answer_are_alerts()
    {
        var report = await CheckAsync(Options());

        Assert.Equal(("ready", null), await StateAsync("gpt-6-sol"));
        var (state, reason) = await StateAsync("gpt-6-luna");
        Assert.Equal("missing", state);
        Assert.Equal("127.0.0.1 has no model gpt-6-luna. If the provider has shut it down, end the route.", reason);
        Assert.Equal("unreachable", (await StateAsync("claude-opus-5-5")).State);
        Assert.Contains("ANTHROPIC_API_KEY", (await StateAsync("claude-opus-5-5")).Reason, StringComparison.Ordinal);
        Assert.Equal(("unreachable", "127.0.0.1 answers with status 302."), await StateAsync("gemini-3.8-flash"));
        Assert.Equal(("ready", null), await StateAsync("mistral:7b-instruct"));
        Assert.Equal("missing", (await StateAsync("llama3:8b")).State);
        Assert.Equal(("too_large", "Needs 43 GiB of memory; the shared Ollama has 16. Environments that use it do not offer the model."), await StateAsync("llama3:70b"));
        // Only enterprise has it, on an Ollama of its own.
        Assert.Equal("missing", (await StateAsync("qwen3:8b")).State);
        Assert.Equal(
            ["claude-opus-5-5", "claude-sonnet-5-5", "gemini-3.8-flash", "gpt-6-luna", "llama3:8b"],
            report.Alerts.Select(alert => alert.Split("of the model ")[1].Split(' ')[0]).Order(StringComparer.Ordinal));
        Assert.Equal(3, report.Counts["routes_ready"]);
        Assert.Empty(report.Failures);
        // Retired ones have no state.
        Assert.Null(await StateOfAsync("claude-3-opus"));
    }

    [Fact]
    public async Task Without_a_key_nothing_is_asked_and_a_former_state_begins_anew()
    {
        await CheckAsync(Options());
        var report = await CheckAsync(Options() with { ProviderKeys = new Dictionary<string, string>() });
        Assert.Equal(("no_key", "OPENAI_API_KEY is not set: calls fail."), await StateAsync("gpt-6-sol"));
        Assert.All(report.Alerts, alert => Assert.Contains("ollama", alert, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_provider_that_hangs_delays_no_other()
    {
        _hangs = true;
        using var health = new ModelHealth(Options(), hasEngine: false);
        RouteToCheck Route(string provider, string model) => new(Ids.New(TimeProvider.System), model, IsLocal: false, provider, $"{provider}/{model}", Endpoint: null, MemoryMib: null);
        RouteToCheck[] routes = [Route("anthropic", "claude-opus-5-5"), Route("openai", "gpt-6-sol"), Route("openai", "gone")];
        using var stop = new CancellationTokenSource();
        await using var results = health.CheckAsync(routes, stop.Token).GetAsyncEnumerator();
        var first = new List<RouteState>();
        for (var i = 0; i < 2; i++)
        {
            Assert.True(await results.MoveNextAsync());
            first.Add(results.Current.State);
        }

        Assert.Equal([RouteState.Ready, RouteState.Missing], first.Order());
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await results.MoveNextAsync());
    }

    [Fact]
    public async Task The_job_runs_where_environments_are_only_rendered_and_reports_no_alert()
    {
        var report = await _server.RunJobAsync("health");
        Assert.DoesNotContain("alerts\":[\"", report.GetRawText(), StringComparison.Ordinal);
        Assert.Equal("not_checked", (await StateAsync("mistral:7b-instruct")).State);
        Assert.Equal("no_key", (await StateAsync("gpt-6-sol")).State);
    }

    DataPlaneOptions Options() => new()
    {
        ControlPlaneUrl = _server.Address,
        OllamaUrl = _address,
        OllamaMemoryMib = 16_384,
        ProviderUrls = new Dictionary<string, Uri>
        {
            ["openai"] = new(_address, "/openai/v1"),
            ["anthropic"] = new(_address, "/anthropic/v1"),
            ["gemini"] = new(_address, "/gemini/v1beta"),
        },
        ProviderKeys = new Dictionary<string, string> { ["openai"] = "sk-openai", ["anthropic"] = "sk-anthropic", ["gemini"] = "sk-gemini" },
    };

    async Task<JobReport> CheckAsync(DataPlaneOptions options)
    {
        using var health = new ModelHealth(options, hasEngine: false);
        return await new CheckModelRoutes(_server.Database, _server.Clock, health, NullLogger<CheckModelRoutes>.Instance).RunAsync(default);
    }

    async Task<(string? State, string? Reason)> StateAsync(string model) => await StateOfAsync(model) is { } health ? health : throw new InvalidOperationException($"{model} has no state.");

    async Task<(string? State, string? Reason)?> StateOfAsync(string model)
    {
        var models = (await (await _server.Operator.GetAsync("/v1/admin/models")).ReadAsync()).GetProperty("items").EnumerateArray();
        var route = models.Single(item => item.GetProperty("name").GetString() == model).GetProperty("routes")[0];
        return route.TryGetProperty("health", out var health) ? (health.GetProperty("state").GetString(), health.TryGetProperty("reason", out var reason) ? reason.GetString() : null) : null;
    }
}
