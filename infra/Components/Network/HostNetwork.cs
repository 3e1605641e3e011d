using System.Globalization;
using Pulumi.Aws.Ec2;

namespace ControlPlane.Infra.Components.Network;

/// <summary>One public subnet and the security group for the host of topology vps.</summary>
public sealed class HostNetwork : ComponentResource
{
    public Subnet Subnet { get; }
    public SecurityGroup Firewall { get; }

    /// <summary>The route to the internet. Public addresses work only once it exists.</summary>
    public Route InternetRoute { get; }

    public HostNetwork(string name, VpsPlan plan, ComponentResourceOptions? options = null)
        : base("controlplane:network:HostNetwork", name, options)
    {
        var childOptions = new CustomResourceOptions { Parent = this };
        var vpc = new Vpc(name, new VpcArgs { CidrBlock = plan.Cidr, EnableDnsSupport = true, EnableDnsHostnames = true }, childOptions);
        _ = new DefaultSecurityGroup($"{name}-default", new DefaultSecurityGroupArgs { VpcId = vpc.Id }, childOptions);
        var gateway = new InternetGateway(name, new InternetGatewayArgs { VpcId = vpc.Id }, childOptions);
        var routes = new RouteTable(name, new RouteTableArgs { VpcId = vpc.Id }, childOptions);
        InternetRoute = new Route(name, new RouteArgs { RouteTableId = routes.Id, DestinationCidrBlock = "0.0.0.0/0", GatewayId = gateway.Id }, childOptions);
        Subnet = new Subnet(name, new SubnetArgs { VpcId = vpc.Id, CidrBlock = plan.Cidr, MapPublicIpOnLaunch = false }, childOptions);
        _ = new RouteTableAssociation(name, new RouteTableAssociationArgs { SubnetId = Subnet.Id, RouteTableId = routes.Id }, childOptions);

        Firewall = new SecurityGroup($"{name}-firewall", new SecurityGroupArgs
        {
            VpcId = vpc.Id,
            Description = "Web for all; SSH and development for named addresses; nothing else",
        }, childOptions);
        AllowIngress("http", 80, "Web, and certificates", ["0.0.0.0/0"]);
        AllowIngress("https", 443, "Web", ["0.0.0.0/0"]);
        AllowIngress("ssh", 22, "Administrators", plan.SshFrom);
        AllowIngress("development", 3001, "Development environment, from the VPN", plan.VpnRanges);

        // Egress is for images, models, model providers and mail. DNS and NTP use link-local addresses of AWS, which security groups do not filter.
        foreach (var port in plan.OutgoingPorts)
        {
            SecurityGroupRules.EgressRule(Invariant($"{name}-out-{port}"), Firewall.Id, port, "Images, models, providers, mail", this, toCidr: "0.0.0.0/0");
        }

        RegisterOutputs();

        void AllowIngress(string label, int port, string description, IReadOnlyList<string> ranges)
        {
            for (var i = 0; i < ranges.Count; i++)
            {
                SecurityGroupRules.IngressRule(Invariant($"{name}-{label}-{i + 1}"), Firewall.Id, port, description, this, fromCidr: ranges[i]);
            }
        }
    }

    static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
