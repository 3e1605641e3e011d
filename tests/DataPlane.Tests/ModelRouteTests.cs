using System.Runtime.Versioning;

namespace ControlPlane.Tests;

/// <summary>What becomes of a model's routes in the gateway.</summary>
[Collection(FakeDocker.Name), UnsupportedOSPlatform("windows")]
public sealed class ModelRouteTests
{
    [Fact]
    public void Several_routes_of_a_model_are_one_model_of_the_gateway_in_the_order_in_which_they_are_tried()
    {
        var config = ComposeRendering.Render(Samples.Environment("premium"), Samples.Options, "/models").GatewayConfig;
        Assert.Contains("""
              - model_name: gpt-6-sol
                litellm_params:
                  model: openai/gpt-6-sol
                  api_key: os.environ/OPENAI_API_KEY
                  api_base: https://eu.api.openai.com/v1
                  order: 1
                  input_cost_per_token: 0.000002
                  output_cost_per_token: 0.00001
              - model_name: gpt-6-sol
                litellm_params:
                  model: openai/gpt-6-sol
                  api_key: os.environ/OPENAI_API_KEY
                  order: 2
            """, config, StringComparison.Ordinal);
        Assert.Contains("cooldown_time: 30", config, StringComparison.Ordinal);
        Assert.DoesNotContain("fallbacks", config, StringComparison.Ordinal);
        Assert.Equal(2, config.Split("order: ").Length - 1);
    }

    [Fact]
    public void A_local_model_that_needs_more_memory_than_its_Ollama_has_is_not_offered()
    {
        GatewayModel large = new("llama3:70b", true, 0, 0, 44_032, [new("ollama", "ollama_chat/llama3:70b")]);
        bool Offers(string plan, DataPlaneOptions options)
        {
            var environment = Samples.Environment(plan);
            var project = ComposeRendering.Render(environment with { Models = [.. environment.Models, large] }, options, "/models");
            var offered = project.GatewayConfig.Contains("llama3:70b", StringComparison.Ordinal);
            Assert.Equal(offered, project.Compose.Contains("llama3:70b", StringComparison.Ordinal));
            Assert.Contains("mistral:7b-instruct", project.GatewayConfig, StringComparison.Ordinal);
            return offered;
        }

        Assert.True(Offers("premium", Samples.Options));
        Assert.False(Offers("premium", Samples.Options with { OllamaMemoryMib = 16_384 }));
        Assert.True(Offers("premium", Samples.Options with { OllamaMemoryMib = 49_152 }));
        Assert.False(Offers("enterprise", Samples.Options with { OllamaMemoryMib = 49_152 }));
        Assert.True(Offers("enterprise", Samples.Options with { DedicatedOllama = new(8, 65_536, 512) }));
        // Its models are in the memory of the GPU.
        Assert.True(Offers("enterprise", Samples.Options with { DedicatedGpus = 1 }));
    }

    [Theory]
    [InlineData("NAME\nmistral:7b-instruct\nphi3:mini", 0, RouteState.Ready, RouteState.Missing)]
    [InlineData("", 1, RouteState.Unreachable, RouteState.Unreachable)]
    public async Task Ollama_on_this_engine_is_asked_in_its_container(string output, int exitCode, RouteState mistral, RouteState llama)
    {
        using var docker = new DockerOnPath($"printf '{output.Replace("\n", "\\n", StringComparison.Ordinal)}\\n'; exit {exitCode}");
        using var health = new ModelHealth(Samples.Options, hasEngine: true);
        RouteToCheck Route(string model) => new(Ids.New(TimeProvider.System), model, IsLocal: true, "ollama", $"ollama_chat/{model}", Endpoint: null, MemoryMib: null);
        var results = new List<CheckedRoute>();
        await foreach (var result in health.CheckAsync([Route("mistral:7b-instruct"), Route("llama3:8b")], default))
        {
            results.Add(result);
        }

        Assert.Equal([mistral, llama], results.Select(result => result.State));
        Assert.StartsWith("exec ollama sh -c ollama list", Assert.Single(docker.Calls), StringComparison.Ordinal);
    }
}
