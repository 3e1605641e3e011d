namespace ControlPlane.Tests;

/// <summary>What an environment may reach outside, by plan and installation.</summary>
public sealed class EgressRulesTests
{
    [Theory]
    [InlineData("trial", "", "")]
    [InlineData("basic", "search.example.com", "generativelanguage.googleapis.com")]
    [InlineData("premium", "search.example.com", "api.anthropic.com generativelanguage.googleapis.com eu.api.openai.com api.openai.com")]
    public void Open_WebUI_reaches_the_search_service_and_the_gateway_the_providers_of_the_plans_models(string plan, string webui, string gateway)
    {
        var environment = Samples.Environment(plan);
        Assert.Equal(webui, Names(EgressRules.OfOpenWebui(environment, Samples.Options)));
        Assert.Equal(gateway, Names(EgressRules.OfGateway(environment, Samples.Options)));
        Assert.Empty(EgressRules.OfGateway(environment, Samples.Options).Relays);
    }

    [Fact]
    public void An_environment_without_anything_to_reach_has_no_way_outside()
    {
        var project = ComposeRendering.Render(Samples.Environment("trial"), Samples.Options, "/models");
        Assert.Equal((null, null), (project.Egress, project.GatewayEgress));
        Assert.DoesNotContain("outside", project.Compose[project.Compose.IndexOf("\nname:", StringComparison.Ordinal)..], StringComparison.Ordinal);
        Assert.DoesNotContain("PROXY", project.Compose, StringComparison.Ordinal);
    }

    [Fact]
    public void The_tenants_identity_provider_and_web_pages_where_they_are_sold_are_reached_too()
    {
        var environment = Samples.Environment("trial") with { IdentityProviderHosts = ["login.example.org"] };
        var rules = EgressRules.OfOpenWebui(environment, Samples.Options with { WebPagePlans = ["trial"] });
        Assert.Equal([new EgressHost("login.example.org")], rules.Hosts);
        Assert.True(rules.WebPages);
        Assert.False(EgressRules.OfOpenWebui(environment, Samples.Options with { WebPagePlans = ["premium"] }).WebPages);
        Assert.False(EgressRules.OfGateway(environment, Samples.Options with { WebPagePlans = ["trial"] }).Any);
    }

    // A name with a space or line break would add rules, and one that begins with a dot would allow all hosts of a domain.
    [Theory]
    [InlineData(".example.com"), InlineData("example.com\nhttp_access allow all"), InlineData("example.com other.com"), InlineData("example.com#"), InlineData("*.example.com")]
    [InlineData("10.0.0.1"), InlineData("169.254.169.254"), InlineData("[::1]"), InlineData("2130706433"), InlineData("localhost"), InlineData("redis"), InlineData(""), InlineData("0x7f.1")]
    public void An_identity_provider_is_the_full_name_of_a_host(string name) => Assert.Throws<ArgumentException>(() => new EgressHost(name));

    [Fact]
    public void A_control_plane_or_Ollama_outside_the_networks_is_reached_through_a_relay_of_the_gateways_proxy()
    {
        var options = Samples.Options with { ControlPlaneUrl = new("https://portal.example.com/base/"), OllamaUrl = new("http://10.1.2.3:11434") };
        var relays = EgressRules.OfGateway(Samples.Environment("trial"), options).Relays;
        Assert.Equal([new(8081, new("https://portal.example.com/base/"), "^/base/v1/(authorize|usage)$"), new(11434, new("http://10.1.2.3:11434"))], relays);
        Assert.Equal(8081, Assert.Single(EgressRules.OfGateway(Samples.Environment("enterprise"), options).Relays).Port);

        var project = ComposeRendering.Render(Samples.Environment("trial"), options, "/models");
        Assert.Contains("CONTROLPLANE_URL: http://gateway-egress:8081/base\n", project.Compose, StringComparison.Ordinal);
        Assert.Contains("api_base: http://gateway-egress:11434\n", project.GatewayConfig, StringComparison.Ordinal);
        Assert.DoesNotContain("HTTPS_PROXY", project.Compose, StringComparison.Ordinal);
        Assert.Null(project.Egress);
    }

    [Fact]
    public void Only_the_gateways_proxy_knows_the_host_of_the_containers()
    {
        var options = Samples.Options with { ControlPlaneUrl = new("http://host.docker.internal:5000") };
        var compose = ComposeRendering.Render(Samples.Environment("basic"), options, "/models").Compose;
        Assert.Equal(2, compose.Split("host.docker.internal:host-gateway").Length);
        Assert.True(compose.IndexOf("  gateway-egress:\n", StringComparison.Ordinal) < compose.IndexOf("host.docker.internal:host-gateway", StringComparison.Ordinal));
    }

    [Fact]
    public void Each_tenant_has_a_search_key_of_its_own_that_the_search_service_can_verify()
    {
        var tenant = Guid.Parse("01900000-0000-7000-8000-000000000001");
        Assert.Equal("01900000-0000-7000-8000-000000000001.489e", SearchKeys.Of(tenant, "signing key")[..41]);
        Assert.NotEqual(SearchKeys.Of(tenant, "signing key"), SearchKeys.Of(tenant, "another key"));
        Assert.NotEqual(SearchKeys.Of(tenant, "signing key"), SearchKeys.Of(Guid.Parse("01900000-0000-7000-8000-000000000002"), "signing key"));
    }

    static string Names(EgressRules rules) => string.Join(' ', rules.Hosts.Select(host => host.Name));
}
