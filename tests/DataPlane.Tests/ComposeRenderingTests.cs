using YamlDotNet.Serialization;

namespace ControlPlane.Tests;

/// <summary>Rules for every service of every plan, checked on the rendered YAML as Compose reads it.</summary>
public sealed class ComposeRenderingTests
{
    public static TheoryData<string> Plans => [.. Samples.Plans];

    [Theory, MemberData(nameof(Plans))]
    public void No_service_publishes_a_port_or_shares_the_hosts_network(string plan) => Assert.All(Services(plan), service =>
    {
        Assert.DoesNotContain("ports", service.Keys);
        Assert.DoesNotContain("network_mode", service.Keys);
        Assert.DoesNotContain("privileged", service.Keys);
        Assert.Equal(["tenant"], (List<object>)service["networks"]);
    });

    [Theory, MemberData(nameof(Plans))]
    public void Every_service_has_limits_a_health_check_and_minimal_privileges(string plan) => Assert.All(Services(plan), service =>
    {
        string[] required = ["cpus", "mem_limit", "pids_limit", "healthcheck", "restart", "logging"];
        Assert.All(required, key => Assert.Contains(key, service.Keys));
        Assert.Equal(["ALL"], (List<object>)service["cap_drop"]);
        Assert.Equal(["no-new-privileges:true"], (List<object>)service["security_opt"]);
    });

    [Theory, MemberData(nameof(Plans))]
    public void Files_readable_by_others_contain_no_secrets(string plan)
    {
        var project = Render(plan);
        Assert.All(Samples.Secrets.Values.Concat(Samples.Options.ProviderKeys.Values), secret =>
        {
            Assert.DoesNotContain(secret, project.Compose, StringComparison.Ordinal);
            Assert.DoesNotContain(secret, project.GatewayConfig, StringComparison.Ordinal);
        });
    }

    [Theory, MemberData(nameof(Plans))]
    public void Open_WebUI_never_sees_the_gateways_master_key(string plan)
    {
        var webui = Environment(plan, "open-webui");
        Assert.DoesNotContain("MASTER", string.Join(' ', webui.Values), StringComparison.Ordinal);
        Assert.Equal("${LITELLM_VIRTUAL_KEY}", webui["OPENAI_API_KEYS"]);
        Assert.Equal("False", webui["ENABLE_PERSISTENT_CONFIG"]);
        Assert.Equal("False", webui["ENABLE_OLLAMA_API"]);
    }

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

    [Fact]
    public void Gateway_and_Open_WebUI_use_separate_schemas() => Assert.NotEqual(
        Environment("basic", "litellm")["DATABASE_URL"].Split("schema=")[1], Environment("basic", "open-webui")["DATABASE_SCHEMA"]);

    [Theory]
    [InlineData("$HOME ${ADMIN_PASSWORD} $$")]
    [InlineData("a: b # c")]
    [InlineData("\"quoted\" 'twice'")]
    [InlineData("- [x] {y} & *z !t | > %")]
    [InlineData("line\nservices:\n  evil:\n    image: evil")]
    [InlineData("True")]
    [InlineData("Ελληνικά, Български, 日本")]
    public void An_organization_name_cannot_inject_YAML_or_variables(string organization)
    {
        var project = ComposeRendering.Render(Samples.Environment("trial", organization), Samples.Options, "/models");
        var services = (Dictionary<object, object>)Read(project.Compose)["services"];
        Assert.Equal(["open-webui", "litellm", "redis"], services.Keys);
        var environment = (Dictionary<object, object>)((Dictionary<object, object>)services["open-webui"])["environment"];
        Assert.Equal(organization, ((string)environment["WEBUI_NAME"]).Replace("$$", "$", StringComparison.Ordinal));
        Assert.DoesNotContain("${ADMIN_PASSWORD}", ((string)environment["WEBUI_NAME"]).Replace("$$", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Fact]
    public void A_Unix_socket_folder_is_mounted_into_the_containers()
    {
        var options = Samples.Options with { DatabaseHost = "/srv/run" };
        var project = ComposeRendering.Render(Samples.Environment("trial"), options, "/models");
        Assert.Contains("/srv/run:/run/postgresql:ro", project.Compose, StringComparison.Ordinal);
        Assert.Contains("@localhost:5432/controlplane?schema=tenant_beispiel-2_litellm&host=/run/postgresql", project.Compose, StringComparison.Ordinal);
    }

    [Fact]
    public void Qdrant_is_rendered_only_if_enabled()
    {
        Assert.DoesNotContain("qdrant", Render("premium").Compose, StringComparison.Ordinal);
        var project = ComposeRendering.Render(Samples.Environment("premium"), Samples.Options with { Qdrant = true }, "/models");
        Assert.Contains(Images.Get("qdrant"), project.Compose, StringComparison.Ordinal);
        Assert.Contains("VECTOR_DB: qdrant", project.Compose, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_image_is_pinned_to_a_version_or_a_digest() => Assert.All(Images.All.Values, image =>
    {
        var name = image.Split('/')[^1];
        Assert.True(name.Contains('@', StringComparison.Ordinal) || name.Split(':') is [_, var tag] && tag.Any(char.IsAsciiDigit), image);
        Assert.DoesNotContain("latest", image, StringComparison.Ordinal);
    });

    [Fact]
    public void The_price_per_token_is_the_price_per_thousand_divided_by_a_thousand()
    {
        var config = Render("premium").GatewayConfig;
        Assert.Contains("input_cost_per_token: 0.0000035", config, StringComparison.Ordinal);
        Assert.Contains("input_cost_per_token: 0.00001\n", config, StringComparison.Ordinal);
    }

    static ComposeProject Render(string plan) => ComposeRendering.Render(Samples.Environment(plan), Samples.Options, "/models");

    static IEnumerable<Dictionary<object, object>> Services(string plan) =>
        ((Dictionary<object, object>)Read(Render(plan).Compose)["services"]).Values.Cast<Dictionary<object, object>>();

    static Dictionary<string, string> Environment(string plan, string service)
    {
        var services = (Dictionary<object, object>)Read(Render(plan).Compose)["services"];
        return ((Dictionary<object, object>)((Dictionary<object, object>)services[service])["environment"]).ToDictionary(e => (string)e.Key, e => (string)e.Value);
    }

    static Dictionary<object, object> Read(string yaml) => new DeserializerBuilder().Build().Deserialize<Dictionary<object, object>>(yaml);
}
