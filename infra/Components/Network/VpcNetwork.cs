using System.Globalization;
using Pulumi.Aws;
using Pulumi.Aws.Ec2;
using Pulumi.Aws.Inputs;

namespace ControlPlane.Infra.Components.Network;

/// <summary>
/// The VPC across the availability zones: public subnets for load balancers and NAT gateways, private ones for nodes and functions, and
/// database subnets without a route to the internet.
/// </summary>
public sealed class VpcNetwork : ComponentResource
{
    public Vpc Vpc { get; }
    public InputList<string> PublicSubnetIds { get; } = [];
    public InputList<string> PrivateSubnetIds { get; } = [];
    public InputList<string> DatabaseSubnetIds { get; } = [];

    /// <summary>One route table per zone.</summary>
    public InputList<string> PrivateRouteTableIds { get; } = [];

    /// <summary>Addresses that requests to the internet come from.</summary>
    public InputList<string> NatAddresses { get; } = [];

    // EKS does not support subnets in these zones. Zone names differ between accounts, zone ids do not.
    static readonly string[] WithoutEks = ["use1-az3", "usw1-az2", "cac1-az3"];

    readonly CustomResourceOptions _childOptions;
    readonly string _name;

    public VpcNetwork(string name, NetworkPlan plan, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:network:Network", name, options)
    {
        (_name, _childOptions) = (name, new CustomResourceOptions { Parent = this });
        Vpc = new Vpc($"{name}-vpc", new VpcArgs { CidrBlock = plan.Cidr, EnableDnsSupport = true, EnableDnsHostnames = true }, _childOptions);

        // Nothing uses the VPC's default group. Managing it removes its default rules, which allow traffic between its members.
        _ = new DefaultSecurityGroup($"{name}-default", new DefaultSecurityGroupArgs { VpcId = Vpc.Id }, _childOptions);

        var zones = GetAvailabilityZones.Invoke(new GetAvailabilityZonesInvokeArgs
        {
            State = "available",
            ExcludeZoneIds = [.. WithoutEks],
            Filters = { new GetAvailabilityZonesFilterInputArgs { Name = "opt-in-status", Values = { "opt-in-not-required" } } },
        });
        var gateway = new InternetGateway($"{name}-internet", new InternetGatewayArgs { VpcId = Vpc.Id }, _childOptions);
        var publicRoutes = Routes("public");
        _ = new Route($"{name}-public-internet", new RouteArgs
        {
            RouteTableId = publicRoutes.Id,
            DestinationCidrBlock = "0.0.0.0/0",
            GatewayId = gateway.Id,
        }, _childOptions);
        var databaseRoutes = Routes("database");

        // The AWS Load Balancer Controller discovers its subnets by these tags.
        var clusterTag = $"kubernetes.io/cluster/{stack.ClusterName}";
        NatGateway? nat = null;
        for (var zone = 0; zone < plan.Zones; zone++)
        {
            var zoneIndex = zone;
            var zoneName = zones.Apply(found => zoneIndex < found.Names.Length ? found.Names[zoneIndex]
                : throw new RunException($"aws:region {stack.Region} has {found.Names.Length} availability zones that support EKS in this account; {plan.Zones} are required. Choose another region."));
            var publicSubnet = Subnet(
                "public", zone, plan.PublicSubnets[zone], zoneName, publicRoutes, ("kubernetes.io/role/elb", "1"), (clusterTag, "shared"));
            PublicSubnetIds.Add(publicSubnet.Id);
            if (nat is null || plan.NatPerZone)
            {
                nat = Nat(zone, publicSubnet, gateway);
            }

            var routes = Routes(ZoneLabel("private", zone));
            _ = new Route($"{name}-{ZoneLabel("private", zone)}-internet", new RouteArgs
            {
                RouteTableId = routes.Id,
                DestinationCidrBlock = "0.0.0.0/0",
                NatGatewayId = nat.Id,
            }, _childOptions);
            PrivateRouteTableIds.Add(routes.Id);
            var privateSubnet = Subnet(
                "private", zone, plan.PrivateSubnets[zone], zoneName, routes, ("kubernetes.io/role/internal-elb", "1"), (clusterTag, "shared"));
            PrivateSubnetIds.Add(privateSubnet.Id);
            DatabaseSubnetIds.Add(Subnet("database", zone, plan.DatabaseSubnets[zone], zoneName, databaseRoutes).Id);
        }

        RegisterOutputs();
    }

    RouteTable Routes(string label) => new($"{_name}-{label}", new RouteTableArgs { VpcId = Vpc.Id }, _childOptions);

    Subnet Subnet(string kind, int zone, string cidr, Output<string> zoneName, RouteTable routes, params (string Key, string Value)[] tags)
    {
        var subnet = new Subnet($"{_name}-{ZoneLabel(kind, zone)}", new SubnetArgs
        {
            VpcId = Vpc.Id,
            CidrBlock = cidr,
            AvailabilityZone = zoneName,
            MapPublicIpOnLaunch = false,
            Tags = tags.ToDictionary(tag => tag.Key, tag => tag.Value),
        }, _childOptions);
        _ = new RouteTableAssociation($"{_name}-{ZoneLabel(kind, zone)}", new RouteTableAssociationArgs
        {
            SubnetId = subnet.Id,
            RouteTableId = routes.Id,
        }, _childOptions);
        return subnet;
    }

    NatGateway Nat(int zone, Subnet subnet, InternetGateway gateway)
    {
        var address = new Eip($"{_name}-{ZoneLabel("nat", zone)}", new EipArgs { Domain = "vpc" }, _childOptions);
        NatAddresses.Add(address.PublicIp);
        return new NatGateway($"{_name}-{ZoneLabel("nat", zone)}", new NatGatewayArgs { SubnetId = subnet.Id, AllocationId = address.AllocationId },
            new CustomResourceOptions { Parent = this, DependsOn = { gateway } });
    }

    static string ZoneLabel(string kind, int zone) => string.Create(CultureInfo.InvariantCulture, $"{kind}-{zone + 1}");
}
