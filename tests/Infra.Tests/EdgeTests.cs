namespace ControlPlane.Infra.Tests;

[Collection(nameof(Stacks))]
public sealed class EdgeTests(Stacks stacks)
{
    /// <summary>The value that the mocks generate.</summary>
    const string OriginLabel = "0123456789abcdefghijklmnopqrstuv";

    [Fact]
    public async Task TLS_is_1_2_or_newer_everywhere()
    {
        var deployed = await stacks.GetAsync("prod");
        Assert.Equal("TLSv1.2_2025", Assert.Single(deployed.OfType("aws:cloudfront/distribution:Distribution"))["viewerCertificate.minimumProtocolVersion"]);
        Assert.Equal("ELBSecurityPolicy-TLS13-1-2-Res-2021-06", deployed.Get("aws:lb/listener:Listener", "ingress-https")["sslPolicy"]);
        Assert.All(deployed.OfType("aws:apigatewayv2/domainName:DomainName"), domain => Assert.Equal("TLS_1_2", domain["domainNameConfiguration.securityPolicy"]));
    }

    [Fact]
    public async Task TLS_1_3_can_be_required()
    {
        var deployed = await StackSnapshot.BuildAsync(StackFile.Read("prod").With("edge:oldestTls", "1.3"));
        Assert.Equal("TLSv1.3_2025", Assert.Single(deployed.OfType("aws:cloudfront/distribution:Distribution"))["viewerCertificate.minimumProtocolVersion"]);
        Assert.Equal("ELBSecurityPolicy-TLS13-1-3-2021-06", deployed.Get("aws:lb/listener:Listener", "ingress-https")["sslPolicy"]);
    }

    [Fact]
    public async Task The_API_is_behind_the_firewall_and_has_no_address_of_its_own()
    {
        var deployed = await stacks.GetAsync("prod");
        Assert.True(Assert.Single(deployed.OfType("aws:apigatewayv2/api:Api"))["disableExecuteApiEndpoint"] is true);
        var delivery = Assert.Single(deployed.OfType("aws:cloudfront/distribution:Distribution"));
        var firewall = Assert.Single(deployed.OfType("aws:wafv2/webAcl:WebAcl"));
        Assert.Contains(firewall.Key, delivery.DependsOn);
        Assert.True(delivery["enabled"] is true);
        Assert.True(firewall["scope"] is "CLOUDFRONT" && firewall["region"] is "us-east-1");
        Assert.Equal("X-Origin-Token", delivery["origins.0.customHeaders.0.name"]);
        // The current value of the secret, which an operator may have changed, not the initial one.
        Assert.Equal("set by an operator", delivery["origins.0.customHeaders.0.value"]);
        Assert.Equal(["llm.example.com", "api.llm.example.com"], delivery.Texts("aliases"));
        // CloudFront requires certificates in us-east-1, whatever the stack's region.
        var validation = deployed.OfType("aws:acm/certificateValidation:CertificateValidation").Single(validation => delivery.DependsOn.Contains(validation.Key));
        Assert.Equal("us-east-1", validation["region"]);
        Assert.Equal("us-east-1", deployed.OfType("aws:acm/certificate:Certificate").Single(certificate => validation.DependsOn.Contains(certificate.Key))["region"]);
    }

    [Fact]
    public async Task Gateways_are_throttled_separately_from_other_clients()
    {
        var stage = Assert.Single((await stacks.GetAsync("prod")).OfType("aws:apigatewayv2/stage:Stage"));
        Assert.True(stage["autoDeploy"] is true);
        Assert.Equal(200, Convert.ToDouble(stage["defaultRouteSettings.throttlingRateLimit"], null));
        Assert.Equal(["POST /v1/usage", "POST /v1/usage/litellm", "POST /v1/authorize"],
            ((IEnumerable<object?>)stage["routeSettings"]!).Select(route => (string)((IReadOnlyDictionary<string, object?>)route!)["routeKey"]!));
    }

    // Gateways report text of models and users. A rule that blocks it as an attack would lose the usage of all users of that gateway.
    [Fact]
    public async Task Content_inspection_rules_exclude_the_paths_of_gateways()
    {
        var firewall = Assert.Single((await stacks.GetAsync("prod")).OfType("aws:wafv2/webAcl:WebAcl"));
        var rules = Enumerable.Range(0, 6).ToDictionary(i => (string)firewall[$"rules.{i}.name"]!, i => $"rules.{i}.statement");
        const string exempt = "scopeDownStatement.notStatement.statement.regexMatchStatement.regexString";
        Assert.All((string[])["AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet", "AWSManagedRulesSQLiRuleSet"], group =>
            Assert.Equal("^(/v1/usage|/v1/usage/litellm|/v1/authorize)$", firewall[$"{rules[group]}.managedRuleGroupStatement.{exempt}"]));
        Assert.Equal("^(/v1/usage|/v1/usage/litellm|/v1/authorize)$", firewall[$"{rules["requests-per-address"]}.rateBasedStatement.{exempt}"]);
        Assert.Null(firewall[$"{rules["AWSManagedRulesAmazonIpReputationList"]}.managedRuleGroupStatement.{exempt}"]);
    }

    [Fact]
    public async Task One_address_cannot_use_up_the_requests_of_all_gateways()
    {
        var deployed = await stacks.GetAsync("prod");
        var firewall = Assert.Single(deployed.OfType("aws:wafv2/webAcl:WebAcl"));
        const string rule = "rules.5", limit = $"{rule}.statement.rateBasedStatement", requests = $"{limit}.scopeDownStatement.andStatement.statements";
        Assert.Equal("gateway-requests-per-address", firewall[$"{rule}.name"]);
        Assert.NotNull(firewall[$"{rule}.action.block"]);
        Assert.Equal(("IP", 30_000d), (firewall[$"{limit}.aggregateKeyType"], Convert.ToDouble(firewall[$"{limit}.limit"], null)));
        Assert.Equal("^(/v1/usage|/v1/usage/litellm|/v1/authorize)$", firewall[$"{requests}.0.regexMatchStatement.regexString"]);
        // The environments of this stack share few addresses, and are limited tenant by tenant.
        Assert.NotNull(firewall[$"{requests}.1.notStatement.statement.ipSetReferenceStatement.arn"]);
        var own = Assert.Single(deployed.OfType("aws:wafv2/ipSet:IpSet"));
        Assert.Equal(deployed.OfType("aws:ec2/natGateway:NatGateway").Count(), own.Texts("addresses").Count);
        Assert.True(own["scope"] is "CLOUDFRONT" && own["region"] is "us-east-1");
    }

    [Theory]
    [InlineData("prod", "PRIMARY", true, OriginLabel)]
    [InlineData("dr", "SECONDARY", false, "arn:aws:of:us-east-1:111122223333:originLabel")]
    public async Task Shared_DNS_names_fail_over_from_the_primary_to_the_standby(string name, string role, bool hasHealthCheck, string label)
    {
        var deployed = await stacks.GetAsync(name);
        var shared = deployed.OfType("aws:route53/record:Record").Where(record => record["setIdentifier"] is not null).ToList();
        Assert.Equal(["*.users.llm.example.com", $"{label}.origin.llm.example.com"], shared.Select(record => (string)record["name"]!).Order(StringComparer.Ordinal));
        Assert.All(shared, record => Assert.Equal(role, record["failoverRoutingPolicies.0.type"]));
        Assert.All(shared, record => Assert.Equal(hasHealthCheck, record["healthCheckId"] is not null));
        Assert.All(shared, record => Assert.True(record["aliases.0.evaluateTargetHealth"] is true));
        Assert.All(deployed.OfType("aws:route53/healthCheck:HealthCheck"), check => Assert.True(
            check["type"] is "HTTPS" && check["resourcePath"] is "/readyz" && check["enableSni"] is true && (string)check["fqdn"]! == $"{label}-us-east-1.origin.llm.example.com"));
    }

    // API Gateway throttles all callers together, before a function can refuse those that do not come from CloudFront.
    [Fact]
    public async Task The_names_of_the_origin_are_random_and_in_no_public_certificate()
    {
        var deployed = await stacks.GetAsync("prod");
        Assert.Equal($"{OriginLabel}.origin.llm.example.com", Assert.Single(deployed.OfType("aws:cloudfront/distribution:Distribution"))["origins.0.domainName"]);
        Assert.All(deployed.OfType("aws:apigatewayv2/domainName:DomainName"), name => Assert.StartsWith(OriginLabel, (string)name["domainName"]!, StringComparison.Ordinal));
        var certified = deployed.OfType("aws:acm/certificate:Certificate").SelectMany(certificate => certificate.Texts("subjectAlternativeNames").Append((string)certificate["domainName"]!)).ToList();
        Assert.Contains("*.origin.llm.example.com", certified);
        Assert.DoesNotContain(certified, name => name.Contains(OriginLabel, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Alias_records_of_CloudFront_do_not_evaluate_target_health()
    {
        var deployed = await stacks.GetAsync("prod");
        var delivery = Assert.Single(deployed.OfType("aws:cloudfront/distribution:Distribution"));
        var names = deployed.DependentsOf(delivery, "aws:route53/record:Record").ToList();
        Assert.Equal(4, names.Count);
        Assert.All(names, name => Assert.True(name["aliases.0.evaluateTargetHealth"] is false));
    }

    [Fact]
    public async Task Environments_have_one_load_balancer_in_every_zone_that_passes_on_client_addresses()
    {
        var deployed = await stacks.GetAsync("prod");
        var balancer = Assert.Single(deployed.OfType("aws:lb/loadBalancer:LoadBalancer"));
        Assert.True(balancer["loadBalancerType"] is "network" && balancer["internal"] is false && balancer["enableCrossZoneLoadBalancing"] is true && balancer["accessLogs.enabled"] is true);
        Assert.Equal(3, balancer.Texts("subnets").Count(subnet => subnet.Contains("network-public-", StringComparison.Ordinal)));
        Assert.All(deployed.OfType("aws:lb/targetGroup:TargetGroup"), targets => Assert.True(targets["proxyProtocolV2"] is true && targets["targetType"] is "ip"));
    }

    [Fact]
    public async Task Environments_have_a_wildcard_certificate()
    {
        var deployed = await stacks.GetAsync("prod");
        Assert.Contains(deployed.OfType("aws:acm/certificate:Certificate"), certificate => certificate["domainName"] is "*.users.llm.example.com");
        Assert.All(deployed.OfType("aws:acm/certificate:Certificate"), certificate => Assert.Single(deployed.DependentsOf(certificate, "aws:acm/certificateValidation:CertificateValidation")));
    }
}
