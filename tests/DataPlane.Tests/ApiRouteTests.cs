using System.Text.RegularExpressions;
using YamlDotNet.Serialization;

namespace ControlPlane.Tests;

/// <summary>What the proxy passes on to a gateway from the internet.</summary>
public sealed class ApiRouteTests
{
    const string Router = "traefik.http.routers.tenant-01900000-0000-7000-8000-000000000001-api", Middleware = "traefik.http.middlewares.tenant-01900000-0000-7000-8000-000000000001-api";

    [Theory]
    [InlineData("trial", false), InlineData("basic", true), InlineData("premium", true), InlineData("enterprise", true)]
    public void The_plans_with_an_API_have_a_route_for_it(string plan, bool hasApi)
    {
        var labels = Labels(Samples.Environment(plan), Samples.Options);
        Assert.Equal(hasApi, labels.Keys.Any(key => key.StartsWith("traefik.", StringComparison.Ordinal)));
    }

    [Fact]
    public void It_leads_to_what_is_sold_at_an_address_of_its_own_and_nothing_else()
    {
        var labels = Labels(Samples.Environment("basic"), Samples.Options);
        Assert.Equal(
            "Host(`api.beispiel-2.users.example.com`) && (Path(`/v1/chat/completions`) || Path(`/v1/completions`) || Path(`/v1/embeddings`) || Path(`/v1/images/generations`) || Path(`/v1/models`))",
            labels[$"{Router}.rule"]);
        Assert.Equal(("tenant-01900000-0000-7000-8000-000000000001_private", "4000"), (labels["traefik.docker.network"], labels["traefik.http.services.tenant-01900000-0000-7000-8000-000000000001-api.loadbalancer.server.port"]));
        Assert.Equal(("websecure", "letsencrypt"), (labels[$"{Router}.entrypoints"], labels[$"{Router}.tls.certresolver"]));
        Assert.Single(labels.Keys, key => key.EndsWith(".rule", StringComparison.Ordinal));
        // The virtual key may call the same paths.
        var script = File.ReadAllText(Vps.Repository.At("dataplane/litellm/create_virtual_key.py"));
        Assert.All(Regex.Matches(labels[$"{Router}.rule"], @"Path\(`([^`]+)`\)"), path => Assert.Contains($"\"{path.Groups[1].Value}\"", script, StringComparison.Ordinal));
    }

    [Fact]
    public void The_control_plane_is_asked_before_a_call_gets_the_gateways_key()
    {
        var labels = Labels(Samples.Environment("basic"), Samples.Options);
        Assert.Equal("tenant-01900000-0000-7000-8000-000000000001-api-rate,tenant-01900000-0000-7000-8000-000000000001-api-key,tenant-01900000-0000-7000-8000-000000000001-api-identity", labels[$"{Router}.middlewares"]);
        Assert.Equal("http://traefik:8081/v1/chat-keys/01900000-0000-7000-8000-000000000001", labels[$"{Middleware}-key.forwardauth.address"]);
        Assert.Equal(("Authorization", "false"), (labels[$"{Middleware}-key.forwardauth.authrequestheaders"], labels[$"{Middleware}-key.forwardauth.trustforwardheader"]));
        Assert.Equal("Bearer ${LITELLM_VIRTUAL_KEY}", labels[$"{Middleware}-identity.headers.customrequestheaders.Authorization"]);
        var elsewhere = Labels(Samples.Environment("basic"), Samples.Options with { KeyCheckUrl = new("http://controlplane:8080/") });
        Assert.Equal("http://controlplane:8080/v1/chat-keys/01900000-0000-7000-8000-000000000001", elsewhere[$"{Middleware}-key.forwardauth.address"]);
    }

    // In the form in which Go stores the names of headers.
    [Theory]
    [InlineData("X-Openwebui-User-Id"), InlineData("X-Openwebui-Chat-Id"), InlineData("X-Openwebui-User-Email"), InlineData("X-Litellm-Api-Key"), InlineData("X-Api-Key")]
    [InlineData("Api-Key"), InlineData("Authorization"), InlineData("X-Goog-Api-Key"), InlineData("Ocp-Apim-Subscription-Key"), InlineData("X-Litellm-End-User-Id")]
    [InlineData("X-Litellm-Timeout"), InlineData("Litellm-Disable-Message-Redaction"), InlineData("Langfuse_trace_id"), InlineData("Anthropic-Beta"), InlineData("Openai-Organization")]
    [InlineData("Connection"), InlineData("Cookie"), InlineData("X-Forwarded-For"), InlineData("Forwarded"), InlineData("Traceparent"), InlineData("X_openwebui_user_id"), InlineData("User-Agent"), InlineData("Helicone-Auth")]
    public void No_header_with_which_a_caller_names_a_key_a_user_or_a_setting_reaches_the_gateway(string header) => Assert.Matches(Replaced(), header);

    [Theory]
    [InlineData("Accept"), InlineData("Accept-Encoding"), InlineData("Content-Type"), InlineData("Content-Length"), InlineData("Content-Encoding"), InlineData("Cache-Control")]
    public void Headers_that_describe_the_body_and_the_answer_do(string header) => Assert.DoesNotMatch(Replaced(), header);

    [Fact]
    public void The_gateway_knows_the_rates_of_the_plan()
    {
        var rates = Samples.Plans.Select(plan => Section(plan, "environment")).Select(variables =>
            (variables.GetValueOrDefault("BUDGET_REQUESTS_PER_MINUTE"), variables.GetValueOrDefault("BUDGET_TOKENS_PER_MINUTE")));
        Assert.Equal([("20", "20000"), ("60", "50000"), ("300", "300000"), (null, null)], rates);
    }

    static string Replaced() => Labels(Samples.Environment("basic"), Samples.Options)[$"{Middleware}-key.forwardauth.authresponseheadersregex"];

    static Dictionary<string, string> Labels(TenantEnvironment environment, DataPlaneOptions options) => Section(environment, options, "labels");

    static Dictionary<string, string> Section(string plan, string key) => Section(Samples.Environment(plan), Samples.Options, key);

    static Dictionary<string, string> Section(TenantEnvironment environment, DataPlaneOptions options, string key)
    {
        var compose = ComposeRendering.Render(environment, options, "/models").Compose;
        var services = (Dictionary<object, object>)new DeserializerBuilder().Build().Deserialize<Dictionary<object, object>>(compose)["services"];
        return ((Dictionary<object, object>)((Dictionary<object, object>)services["litellm"])[key]).ToDictionary(entry => (string)entry.Key, entry => (string)entry.Value);
    }
}
