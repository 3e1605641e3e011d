using System.Net;
using ControlPlane.Infra.Plans;

namespace ControlPlane.Infra.Tests;

[Collection(nameof(Stacks))]
public sealed class NetworkTests(Stacks stacks)
{
    [Theory]
    [InlineData("10.20.0.0/16")]
    [InlineData("172.31.0.0/16")]
    [InlineData("192.168.0.0/16")]
    public void Subnets_are_within_the_VPC_range_and_do_not_overlap(string cidr)
    {
        var plan = new NetworkPlan { Cidr = cidr, NatPerZone = true, Endpoints = [] };
        var subnets = plan.PrivateSubnets.Concat(plan.PublicSubnets).Concat(plan.DatabaseSubnets).Select(text => IPNetwork.Parse(text)).ToList();
        Assert.Equal(9, subnets.Count);
        Assert.All(subnets, subnet => Assert.True(IPNetwork.Parse(cidr).Contains(subnet.BaseAddress)));
        Assert.All(subnets, subnet => Assert.Single(subnets, other => other.Contains(subnet.BaseAddress) || subnet.Contains(other.BaseAddress)));
    }

    [Theory]
    [InlineData("prod", 3)]
    [InlineData("prod, cheaper", 1)]
    public async Task There_is_one_NAT_gateway_per_zone_or_a_single_one(string name, int gateways)
    {
        var deployed = await stacks.GetAsync(name);
        Assert.Equal(gateways, deployed.OfType("aws:ec2/natGateway:NatGateway").Count());
        for (var zone = 1; zone <= 3; zone++)
        {
            Assert.Contains($"aws:ec2/natGateway:NatGateway network-nat-{Math.Min(zone, gateways)}", deployed.Get("aws:ec2/route:Route", $"network-private-{zone}-internet").DependsOn);
        }
    }

    [Fact]
    public async Task Every_kind_of_subnet_exists_in_three_zones()
    {
        var deployed = await stacks.GetAsync("prod");
        foreach (var kind in (string[])["public", "private", "database"])
        {
            var subnets = deployed.OfType("aws:ec2/subnet:Subnet").Where(subnet => subnet.Name.StartsWith($"network-{kind}-", StringComparison.Ordinal)).ToList();
            Assert.Equal(["a", "b", "c"], subnets.Select(subnet => (string)subnet["availabilityZone"]!).Order(StringComparer.Ordinal));
            Assert.All(subnets, subnet => Assert.True(subnet["mapPublicIpOnLaunch"] is false));
        }
    }

    [Fact]
    public async Task Database_subnets_have_no_route_to_the_internet()
    {
        var deployed = await stacks.GetAsync("prod");
        Assert.DoesNotContain(deployed.OfType("aws:ec2/route:Route"), route => route.DependsOn.Contains("aws:ec2/routeTable:RouteTable network-database"));
        for (var zone = 1; zone <= 3; zone++)
        {
            Assert.Contains("aws:ec2/routeTable:RouteTable network-database",
                deployed.Get("aws:ec2/routeTableAssociation:RouteTableAssociation", $"network-database-{zone}").DependsOn);
        }
    }

    [Fact]
    public async Task Subnets_have_the_tags_of_the_load_balancer_controller()
    {
        var deployed = await stacks.GetAsync("prod");
        Assert.Equal("1", deployed.Get("aws:ec2/subnet:Subnet", "network-public-1").Tag("kubernetes.io/role/elb"));
        Assert.Equal("1", deployed.Get("aws:ec2/subnet:Subnet", "network-private-1").Tag("kubernetes.io/role/internal-elb"));
    }

    [Fact]
    public async Task The_VPC_has_flow_logs_and_endpoints()
    {
        var deployed = await stacks.GetAsync("prod");
        // Private DNS of endpoints requires both.
        Assert.All(deployed.OfType("aws:ec2/vpc:Vpc"), vpc => Assert.True(vpc["enableDnsSupport"] is true && vpc["enableDnsHostnames"] is true));
        Assert.Equal("ALL", Assert.Single(deployed.OfType("aws:ec2/flowLog:FlowLog"))["trafficType"]);
        var endpoints = deployed.OfType("aws:ec2/vpcEndpoint:VpcEndpoint").ToLookup(endpoint => (string)endpoint["vpcEndpointType"]!);
        Assert.Equal(["com.amazonaws.us-east-1.s3"], endpoints["Gateway"].Select(endpoint => endpoint["serviceName"]));
        Assert.Equal(
            [
                "aps-workspaces", "autoscaling", "ec2", "ecr.api", "ecr.dkr", "eks", "eks-auth", "elasticfilesystem", "elasticloadbalancing", "logs", "monitoring", "secretsmanager",
                "sqs", "sts", "xray",
            ], endpoints["Interface"].Select(endpoint => ((string)endpoint["serviceName"]!)["com.amazonaws.us-east-1.".Length..]).Order(StringComparer.Ordinal));
        Assert.All(endpoints["Interface"], endpoint => Assert.True(endpoint["privateDnsEnabled"] is true && endpoint.Texts("subnetIds").Count == 3, endpoint.Key));
    }

    // IAM prefixes whose endpoint has another name, or that need none: databases have their own protocol, and KMS is called by other AWS services.
    static readonly Dictionary<string, string?> EndpointNames = new() { ["aps"] = "aps-workspaces", ["cloudwatch"] = "monitoring", ["rds-db"] = null, ["kms"] = null };

    [Fact]
    public async Task Every_service_that_functions_and_pods_may_call_has_an_endpoint()
    {
        var deployed = await stacks.GetAsync("prod");
        var callers = deployed.OfType("aws:lambda/function:Function").Concat(deployed.OfType("aws:eks/podIdentityAssociation:PodIdentityAssociation"))
            .SelectMany(caller => caller.DependsOn.Where(key => key.StartsWith("aws:iam/role:", StringComparison.Ordinal))).ToHashSet();
        var services = deployed.OfType("aws:iam/rolePolicy:RolePolicy").Where(policy => policy.DependsOn.Any(callers.Contains))
            .SelectMany(policy => policy.Statements()).SelectMany(statement => statement.Actions()).Select(action => action.Split(':')[0]).Distinct().ToList();
        var endpoints = deployed.OfType("aws:ec2/vpcEndpoint:VpcEndpoint").Select(endpoint => (string)endpoint["serviceName"]!).ToHashSet();
        Assert.Superset(new HashSet<string> { "elasticfilesystem", "elasticloadbalancing", "secretsmanager", "xray" }, services.ToHashSet());
        Assert.All(services.Select(service => EndpointNames.GetValueOrDefault(service, service)).OfType<string>(), service => Assert.Contains($"com.amazonaws.us-east-1.{service}", endpoints));
    }

    [Fact]
    public async Task Security_groups_allow_only_required_traffic()
    {
        var deployed = await stacks.GetAsync("prod");
        Assert.Equal(
            [
                "0.0.0.0/0 to ingress 443",
                "0.0.0.0/0 to ingress 80",
                "10.20.0.0/16 to private-access-endpoints 443",
                "cluster to cache 6379",
                "cluster to model-files 2049",
                "database-access to database 5432",
                "functions-api to database-access 5432",
                "functions-authorize to database-access 5432",
                "functions-database to database 5432",
                "functions-jobs to database-access 5432",
                "functions-provision to cluster 443",
                "functions-provision to database-access 5432",
                "functions-usage to database-access 5432",
                "ingress to cluster 8000",
                "ingress to cluster 8080",
                "ingress to cluster 8443",
            ], deployed.IngressRules.Select(rule => $"{rule.Peer} to {rule.Group} {rule.Port}").Order(StringComparer.Ordinal));
        var publicEgress = deployed.EgressRules.Where(rule => rule.Peer == "0.0.0.0/0").Select(rule => $"{rule.Group} {rule.Port}");
        Assert.Equal(
            ["functions-api 443", "functions-authorize 443", "functions-database 443", "functions-jobs 443", "functions-jobs 587", "functions-provision 443", "functions-usage 443"], publicEgress.Order(StringComparer.Ordinal));
    }
}
