using YamlDotNet.Serialization;

namespace ControlPlane.Tests;

/// <summary>What plans include is rendered, and nothing else.</summary>
public sealed class PlanFeatureTests
{
    public static TheoryData<string> Plans => [.. Samples.Plans];

    [Theory]
    [InlineData("trial", "False", "False", "False")]
    [InlineData("basic", "True", "True", "False")]
    [InlineData("premium", "True", "True", "True")]
    public void Features_follow_the_plan(string plan, string files, string search, string images)
    {
        var webui = Environment(plan, "open-webui");
        Assert.Equal(files, webui["USER_PERMISSIONS_CHAT_FILE_UPLOAD"]);
        Assert.Equal(search, webui["ENABLE_WEB_SEARCH"]);
        Assert.Equal(images, webui["ENABLE_IMAGE_GENERATION"]);
    }

    // Otherwise Open WebUI would offer what fails, or ask a search provider of its own choice.
    [Theory, MemberData(nameof(Plans))]
    public void Without_a_search_service_and_an_image_model_these_features_are_off_in_every_plan(string plan)
    {
        var project = ComposeRendering.Render(Samples.Environment(plan), Samples.Options with { SearchUrl = null, ImageModel = null }, "/models");
        Assert.Contains("ENABLE_WEB_SEARCH: \"False\"", project.Compose, StringComparison.Ordinal);
        Assert.Contains("ENABLE_IMAGE_GENERATION: \"False\"", project.Compose, StringComparison.Ordinal);
        Assert.All(["WEB_SEARCH_ENGINE", "IMAGE_GENERATION_MODEL"], (string setting) => Assert.DoesNotContain(setting, project.Compose, StringComparison.Ordinal));
        Assert.DoesNotContain("image_generation", project.GatewayConfig, StringComparison.Ordinal);
        Assert.Null(project.Egress);
    }

    [Theory]
    [InlineData("trial", false), InlineData("basic", false), InlineData("premium", true), InlineData("enterprise", true)]
    public void The_gateway_has_an_image_model_where_the_plan_includes_images_and_Open_WebUI_names_it(string plan, bool images)
    {
        // Also if an operator has added the model to a plan that includes no images.
        var environment = Samples.Environment(plan) with { Models = [.. Samples.Environment("enterprise").Models] };
        var project = ComposeRendering.Render(environment, Samples.Options, "/models");
        Assert.Equal(images, project.GatewayConfig.Contains("""
              - model_name: gpt-image-1
                litellm_params:
                  model: openai/gpt-image-1
                  api_key: os.environ/OPENAI_API_KEY
                  input_cost_per_token: 0.000005
                  output_cost_per_token: 0.00004
                model_info:
                  mode: image_generation
            """, StringComparison.Ordinal));
        Assert.Equal(images, project.GatewayConfig.Contains("gpt-image-1", StringComparison.Ordinal));
        Assert.Equal(images, project.Compose.Contains("IMAGE_GENERATION_MODEL: gpt-image-1", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("trial", false), InlineData("basic", true), InlineData("premium", true)]
    public void A_plan_without_files_has_no_route_for_them(string plan, bool files)
    {
        var labels = Part(plan, "open-webui", "labels");
        var rule = labels["traefik.http.routers.tenant-01900000-0000-7000-8000-000000000001-open-webui.rule"];
        Assert.Equal(
            files ? "Host(`beispiel-2.users.example.com`)"
                : "Host(`beispiel-2.users.example.com`) && !PathPrefix(`/api/v1/files`) && !PathPrefix(`/api/v1/knowledge`) && !PathPrefix(`/api/v1/retrieval/process`) && !PathRegexp(`(?i)%(2[def]|3[0-9]|[46][1-9a-f]|[57][0-9a]|5f|7e)`)",
            rule);
        Assert.Single(labels.Keys, key => key.EndsWith(".rule", StringComparison.Ordinal));
    }

    [Fact]
    public void Searches_go_to_the_search_service_with_a_key_of_the_tenant_and_read_pages_only_where_they_are_sold()
    {
        var webui = Environment("basic", "open-webui");
        Assert.Equal(("external", "https://search.example.com/v1/search", "${SEARCH_KEY}"), (webui["WEB_SEARCH_ENGINE"], webui["EXTERNAL_WEB_SEARCH_URL"], webui["EXTERNAL_WEB_SEARCH_API_KEY"]));
        Assert.Equal("True", webui["BYPASS_WEB_SEARCH_WEB_LOADER"]);
        Assert.Equal(("http://egress:3128", "http://egress:3128"), (webui["HTTP_PROXY"], webui["HTTPS_PROXY"]));
        var pages = ComposeRendering.Render(Samples.Environment("basic"), Samples.Options with { WebPagePlans = ["basic"] }, "/models");
        Assert.Contains("BYPASS_WEB_SEARCH_WEB_LOADER: \"False\"", pages.Compose, StringComparison.Ordinal);
        Assert.Contains("web_tls", pages.Egress, StringComparison.Ordinal);
        Assert.DoesNotContain("value-of-the-signing-key", pages.Compose + pages.Egress, StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_tenant_has_chosen_for_Open_WebUI_is_rendered_and_a_model_that_is_no_longer_offered_is_no_default()
    {
        var plain = Environment("basic", "open-webui");
        Assert.Equal(("False", "user"), (plain["ENABLE_SIGNUP"], plain["DEFAULT_USER_ROLE"]));
        Assert.DoesNotContain("DEFAULT_MODELS", plain.Keys);
        Assert.DoesNotContain("WEBUI_BANNERS", plain.Keys);

        var environment = Samples.Environment("basic") with { Chat = new(Signup: true, "mistral:7b-instruct", "Maintenance on $unday: <b>no chats</b>") };
        var compose = ComposeRendering.Render(environment, Samples.Options, "/models").Compose;
        Assert.Contains("ENABLE_SIGNUP: \"True\"", compose, StringComparison.Ordinal);
        Assert.Contains("DEFAULT_USER_ROLE: pending", compose, StringComparison.Ordinal);
        Assert.Contains("DEFAULT_MODELS: mistral:7b-instruct", compose, StringComparison.Ordinal);
        Assert.Contains("$$unday", compose, StringComparison.Ordinal);
        Assert.DoesNotContain("<b>", compose, StringComparison.Ordinal);
        Assert.DoesNotContain("DEFAULT_MODELS", ComposeRendering.Render(environment with { Chat = new(DefaultModel: "llama3:70b") }, Samples.Options, "/models").Compose, StringComparison.Ordinal);
    }

    static Dictionary<string, string> Environment(string plan, string service) => Part(plan, service, "environment");

    static Dictionary<string, string> Part(string plan, string service, string key)
    {
        var compose = ComposeRendering.Render(Samples.Environment(plan), Samples.Options, "/models").Compose;
        var services = (Dictionary<object, object>)new DeserializerBuilder().Build().Deserialize<Dictionary<object, object>>(compose)["services"];
        return ((Dictionary<object, object>)((Dictionary<object, object>)services[service])[key]).ToDictionary(entry => (string)entry.Key, entry => (string)entry.Value);
    }
}
