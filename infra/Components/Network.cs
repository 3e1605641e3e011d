using System.Globalization;
using ControlPlane.Infra.Plans;
using Pulumi;
using Pulumi.Aws;
using Pulumi.Aws.Ec2;
using Pulumi.Aws.Inputs;

namespace ControlPlane.Infra.Components;

/// <summary>
/// The VPC over three availability zones: public subnets for load balancers and NAT, private ones for nodes and functions, and database
/// subnets without a way out.
/// </summary>
public sealed class Network : ComponentResource
{
    public Vpc Vpc { get; }
    public InputList<string> PublicSubnetIds { get; } = [];
    public InputList<string> PrivateSubnetIds { get; } = [];
    public InputList<string> DatabaseSubnetIds { get; } = [];

    /// <summary>The private subnets' routes, one table per zone.</summary>
    public InputList<string> PrivateRouteTableIds { get; } = [];

    // EKS refuses subnets there. Which letter they have differs from account to account; their ids do not.
    static readonly string[] s_withoutEks = ["use1-az3", "usw1-az2", "cac1-az3"];

    readonly CustomResourceOptions _inside;
    readonly string _name;

    public Network(string name, NetworkPlan plan, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:network:Network", name, options)
    {
        (_name, _inside) = (name, new CustomResourceOptions { Parent = this });
        Vpc = new Vpc($"{name}-vpc", new VpcArgs { CidrBlock = plan.Cidr, EnableDnsSupport = true, EnableDnsHostnames = true }, _inside);

        // Nothing uses the group that AWS makes by itself; taking it over empties its rules, which would let its members talk to each other.
        _ = new DefaultSecurityGroup($"{name}-default", new DefaultSecurityGroupArgs { VpcId = Vpc.Id }, _inside);

        var zones = GetAvailabilityZones.Invoke(new GetAvailabilityZonesInvokeArgs
        {
            State = "available",
            ExcludeZoneIds = [.. s_withoutEks],
            Filters = { new GetAvailabilityZonesFilterInputArgs { Name = "opt-in-status", Values = { "opt-in-not-required" } } },
        });
        var gateway = new InternetGateway($"{name}-internet", new InternetGatewayArgs { VpcId = Vpc.Id }, _inside);
        var publicRoutes = Routes("public");
        _ = new Route($"{name}-public-internet", new RouteArgs
        {
            RouteTableId = publicRoutes.Id,
            DestinationCidrBlock = "0.0.0.0/0",
            GatewayId = gateway.Id,
        }, _inside);
        var databaseRoutes = Routes("database");

        // By these tags the cluster's load balancer controller finds its subnets.
        var loadBalancers = $"kubernetes.io/cluster/{stack.ClusterName}";
        NatGateway? nat = null;
        for (var zone = 0; zone < plan.Zones; zone++)
        {
            var inZone = zone;
            var zoneName = zones.Apply(found => inZone < found.Names.Length ? found.Names[inZone]
                : throw new RunException($"aws:region {stack.Region} has {found.Names.Length} availability zones with EKS for this account, {plan.Zones} are needed. Choose another region."));
            var publicSubnet = Subnet(
                "public", zone, plan.PublicSubnets[zone], zoneName, publicRoutes, ("kubernetes.io/role/elb", "1"), (loadBalancers, "shared"));
            PublicSubnetIds.Add(publicSubnet.Id);
            if (nat is null || plan.NatPerZone)
            {
                nat = Nat(zone, publicSubnet, gateway);
            }

            var routes = Routes(Zoned("private", zone));
            _ = new Route($"{name}-{Zoned("private", zone)}-internet", new RouteArgs
            {
                RouteTableId = routes.Id,
                DestinationCidrBlock = "0.0.0.0/0",
                NatGatewayId = nat.Id,
            }, _inside);
            PrivateRouteTableIds.Add(routes.Id);
            var privateSubnet = Subnet(
                "private", zone, plan.PrivateSubnets[zone], zoneName, routes, ("kubernetes.io/role/internal-elb", "1"), (loadBalancers, "shared"));
            PrivateSubnetIds.Add(privateSubnet.Id);
            DatabaseSubnetIds.Add(Subnet("database", zone, plan.DatabaseSubnets[zone], zoneName, databaseRoutes).Id);
        }

        RegisterOutputs();
    }

    RouteTable Routes(string of) => new($"{_name}-{of}", new RouteTableArgs { VpcId = Vpc.Id }, _inside);

    Subnet Subnet(string kind, int zone, string cidr, Output<string> zoneName, RouteTable routes, params (string Key, string Value)[] tags)
    {
        var subnet = new Subnet($"{_name}-{Zoned(kind, zone)}", new SubnetArgs
        {
            VpcId = Vpc.Id,
            CidrBlock = cidr,
            AvailabilityZone = zoneName,
            MapPublicIpOnLaunch = false,
            Tags = tags.ToDictionary(tag => tag.Key, tag => tag.Value),
        }, _inside);
        _ = new RouteTableAssociation($"{_name}-{Zoned(kind, zone)}", new RouteTableAssociationArgs
        {
            SubnetId = subnet.Id,
            RouteTableId = routes.Id,
        }, _inside);
        return subnet;
    }

    NatGateway Nat(int zone, Subnet subnet, InternetGateway gateway)
    {
        var address = new Eip($"{_name}-{Zoned("nat", zone)}", new EipArgs { Domain = "vpc" }, _inside);
        return new NatGateway($"{_name}-{Zoned("nat", zone)}", new NatGatewayArgs { SubnetId = subnet.Id, AllocationId = address.AllocationId },
            new CustomResourceOptions { Parent = this, DependsOn = { gateway } });
    }

    static string Zoned(string kind, int zone) => string.Create(CultureInfo.InvariantCulture, $"{kind}-{zone + 1}");
}
