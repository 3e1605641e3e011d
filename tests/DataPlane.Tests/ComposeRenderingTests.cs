using System.Diagnostics;
using System.Runtime.Versioning;
using System.Text.RegularExpressions;
using static ControlPlane.Tests.RenderedCompose;

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
    });

    // Ollama asks for no credentials: whoever reaches it can use models unmetered, replace and delete them.
    [Theory, MemberData(nameof(Plans))]
    public void Only_the_gateway_shares_a_network_with_Ollama(string plan)
    {
        var project = ComposeRendering.Render(Samples.Environment(plan), Samples.Options with { Qdrant = true }, "/models");
        var networks = ((Dictionary<object, object>)Read(project.Compose)["services"]).ToDictionary(
            service => (string)service.Key, service => (List<object>)((Dictionary<object, object>)service.Value)["networks"]);
        Assert.Equal(plan == "trial" ? ["private", "models"] : ["private", "models", "gateway"], networks["litellm"]);
        Assert.All(["open-webui", "redis", "database", "qdrant"], (string service) => Assert.Equal(["private"], networks[service]));
        Assert.Equal(plan == "enterprise", networks.ContainsKey("ollama-dedicated"));
        Assert.Equal(
            plan == "enterprise" ? ["litellm", "ollama-dedicated"] : ["litellm"],
            networks.Where(service => service.Value.Contains("models")).Select(service => service.Key).Order(StringComparer.Ordinal));
        Assert.Empty(networks["open-webui"].Intersect(networks.GetValueOrDefault("ollama-dedicated", ["models"])));
        var declared = (Dictionary<object, object>)Read(project.Compose)["networks"];
        string[] outside = plan switch { "trial" => [], "enterprise" => ["gateway", "weights", "outside"], _ => ["gateway", "outside"] };
        Assert.Equal(
            ((string[])["private", "models", .. outside]).Select(name => $"tenant-01900000-0000-7000-8000-000000000001_{name}"), declared.Values.Select(network => (string)((Dictionary<object, object>)network)["name"]));
        Assert.All(declared.Values, network => Assert.Equal("true", ((Dictionary<object, object>)network)["external"]));
    }

    [Theory]
    [InlineData("acme_models"), InlineData("acme_private"), InlineData("acme_gateway"), InlineData("acme_outside")]
    [InlineData("acme-models"), InlineData("acme-private")]
    public void No_tenant_can_choose_a_slug_whose_network_is_one_of_another_tenant(string chosen)
    {
        if (Slug.Validate(chosen) is null)
        {
            Assert.Empty(Names(chosen).Intersect(Names("acme")));
        }

        static IEnumerable<string> Names(string slug) =>
        [
            ComposeRendering.NetworkName(slug), ComposeRendering.ModelNetworkName(slug), ComposeRendering.GatewayNetworkName(slug), ComposeRendering.OutsideNetworkName(slug),
            ComposeRendering.FormerNetworkName(slug),
        ];
    }

    // Docker refuses a container with a limit of more cores than the host has.
    [Fact]
    public void No_service_may_use_more_cores_than_the_engine_has()
    {
        var project = ComposeRendering.Render(Samples.Environment("enterprise"), Samples.Options with { EngineCpus = 2 }, "/models");
        var services = (Dictionary<object, object>)Read(project.Compose)["services"];
        var cpus = services.ToDictionary(service => (string)service.Key, service => (string)((Dictionary<object, object>)service.Value)["cpus"]);
        Assert.Equal(("2", "2", "2", "1"), (cpus["open-webui"], cpus["litellm"], cpus["ollama-dedicated"], cpus["redis"]));
    }

    [Fact]
    public void Limits_of_a_dedicated_Ollama_are_settings()
    {
        var project = ComposeRendering.Render(Samples.Environment("enterprise"), Samples.Options with { DedicatedOllama = new(3, 9000, 512) }, "/models");
        var ollama = (Dictionary<object, object>)((Dictionary<object, object>)Read(project.Compose)["services"])["ollama-dedicated"];
        Assert.Equal(("3", "9000m"), ((string)ollama["cpus"], (string)ollama["mem_limit"]));
    }

    [Theory]
    [InlineData("trial", "1"), InlineData("basic", "2"), InlineData("premium", "2"), InlineData("enterprise", "16")]
    public void The_gateway_limits_the_calls_to_local_models(string plan, string calls)
    {
        var gateway = Environment(plan, "litellm");
        Assert.Equal(calls, gateway["BUDGET_LOCAL_CALLS"]);
        Assert.Equal(plan == "enterprise" ? null : "2048", gateway.GetValueOrDefault("BUDGET_LOCAL_MAX_TOKENS"));
        Assert.Equal(plan == "enterprise" ? "llama3:8b,mistral:7b-instruct" : "mistral:7b-instruct", gateway["BUDGET_LOCAL_MODELS"]);
    }

    [Theory]
    [InlineData("trial", "1", "512"), InlineData("basic", "1", "512"), InlineData("premium", "1", "512"), InlineData("enterprise", "16", null)]
    public void A_tenant_that_is_not_approved_has_one_call_to_the_shared_Ollama_and_a_quarter_of_the_answer(string plan, string calls, string? tokens)
    {
        var project = ComposeRendering.Render(Samples.Environment(plan) with { IsApproved = false }, Samples.Options, "/models");
        var gateway = (Dictionary<object, object>)((Dictionary<object, object>)((Dictionary<object, object>)Read(project.Compose)["services"])["litellm"])["environment"];
        Assert.Equal((calls, tokens), ((string)gateway["BUDGET_LOCAL_CALLS"], (string?)gateway.GetValueOrDefault("BUDGET_LOCAL_MAX_TOKENS")));
    }

    [Fact]
    public void The_gateway_of_a_plan_without_local_models_limits_no_calls_to_them()
    {
        var environment = Samples.Environment("basic") with { Models = [] };
        Assert.DoesNotContain("BUDGET_LOCAL", ComposeRendering.Render(environment, Samples.Options, "/models").Compose, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Plans))]
    public void Every_service_has_limits_a_health_check_and_minimal_privileges(string plan) => Assert.All(Services(plan), service =>
    {
        string[] required = ["cpus", "mem_limit", "pids_limit", "healthcheck", "logging"];
        Assert.All(required, key => Assert.Contains(key, service.Keys));
        // What runs only when it is asked for ends by itself.
        Assert.NotEqual(service.ContainsKey("profiles"), service.ContainsKey("restart"));
        Assert.Equal(["ALL"], (List<object>)service["cap_drop"]);
        Assert.Equal(["no-new-privileges:true"], (List<object>)service["security_opt"]);
        Assert.DoesNotMatch("^0(:|$)", (string)service["user"]);
        Assert.Equal("true", service["read_only"]);
        Assert.Equal("0", ((Dictionary<object, object>)service["ulimits"])["core"]);
    });

    // Every user of a host can read the arguments of its processes.
    [Theory, MemberData(nameof(Plans))]
    public void No_command_or_health_check_is_rendered_with_a_secret(string plan) => Assert.All(
        Services(plan).SelectMany(service => Words(service, "command").Concat(Words((Dictionary<object, object>)service["healthcheck"], "test"))),
        word => Assert.DoesNotMatch(@"(?<!\$)\$\{", word));

    [Fact, UnsupportedOSPlatform("windows")]
    public async Task Redis_gets_its_password_on_standard_input_and_not_as_an_argument()
    {
        var folder = Directory.CreateTempSubdirectory("fake-redis-").FullName;
        var server = Path.Combine(folder, "redis-server");
        await File.WriteAllTextAsync(server, "#!/bin/sh\necho \"$*\"\ncat\n");
        File.SetUnixFileMode(server, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var redis = (Dictionary<object, object>)((Dictionary<object, object>)Read(Render("basic").Compose)["services"])["redis"];
        // Compose replaces $$ with a dollar sign.
        var words = Words(redis, "command").Select(word => word.Replace("$$", "$", StringComparison.Ordinal)).ToList();
        var start = new ProcessStartInfo(words[0], words[1..]) { RedirectStandardOutput = true };
        start.Environment["REDIS_PASSWORD"] = "value-of-redis";
        start.Environment["PATH"] = $"{folder}:{start.Environment["PATH"]}";
        using var process = Process.Start(start)!;
        var lines = (await process.StandardOutput.ReadToEndAsync()).Split('\n');
        Assert.Equal("--appendonly yes --maxmemory 96mb --maxmemory-policy volatile-lru -", lines[0]);
        Assert.Equal("requirepass value-of-redis", lines[1]);
        Directory.Delete(folder, recursive: true);
    }

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
        Assert.Equal(["open-webui", "litellm", "redis", "database"], services.Keys);
        var environment = (Dictionary<object, object>)((Dictionary<object, object>)services["open-webui"])["environment"];
        Assert.Equal(organization, ((string)environment["WEBUI_NAME"]).Replace("$$", "$", StringComparison.Ordinal));
        Assert.DoesNotContain("${ADMIN_PASSWORD}", ((string)environment["WEBUI_NAME"]).Replace("$$", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    // What the kernel counts for each user of the host, in all containers, is used up by its own environment only.
    [Fact]
    public void Environments_run_as_different_users()
    {
        string[] users = [.. Enumerable.Range(0, 2).SelectMany(n =>
        {
            var environment = Samples.Environment("enterprise") with { Tenant = Guid.Parse($"01900000-0000-7000-8000-0000f000000{n}") };
            var compose = ComposeRendering.Render(environment, Samples.Options, "/models").Compose;
            return Regex.Matches(compose, @"  (?:open-webui|ollama-dedicated|weights):\n(?:    .*\n)*?    user: (\S+)\n").Select(match => match.Groups[1].Value);
        })];
        Assert.Equal(["1879048192:0", "1879048192:1654", "1879048192:1654", "1879048193:0", "1879048193:1654", "1879048193:1654"], users);
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
    public void The_price_per_token_is_the_price_per_thousand_divided_by_a_thousand()
    {
        var config = Render("premium").GatewayConfig;
        Assert.Contains("input_cost_per_token: 0.00000075", config, StringComparison.Ordinal);
        Assert.Contains("input_cost_per_token: 0.000002\n", config, StringComparison.Ordinal);
    }
}
