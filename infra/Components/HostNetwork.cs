using System.Globalization;
using ControlPlane.Infra.Plans;
using Pulumi;
using Pulumi.Aws.Ec2;
using Pulumi.Aws.Vpc;

namespace ControlPlane.Infra.Components;

/// <summary>One public subnet for the host of topology vps, and its firewall.</summary>
public sealed class HostNetwork : ComponentResource
{
    public Subnet Subnet { get; }
    public SecurityGroup Firewall { get; }

    /// <summary>The route to the internet; addresses are of no use before it.</summary>
    public Route WayOut { get; }

    public HostNetwork(string name, VpsPlan plan, ComponentResourceOptions? options = null)
        : base("controlplane:network:HostNetwork", name, options)
    {
        var inside = new CustomResourceOptions { Parent = this };
        var vpc = new Vpc(name, new VpcArgs { CidrBlock = plan.Cidr, EnableDnsSupport = true, EnableDnsHostnames = true }, inside);
        _ = new DefaultSecurityGroup($"{name}-default", new DefaultSecurityGroupArgs { VpcId = vpc.Id }, inside);
        var gateway = new InternetGateway(name, new InternetGatewayArgs { VpcId = vpc.Id }, inside);
        var routes = new RouteTable(name, new RouteTableArgs { VpcId = vpc.Id }, inside);
        WayOut = new Route(name, new RouteArgs { RouteTableId = routes.Id, DestinationCidrBlock = "0.0.0.0/0", GatewayId = gateway.Id }, inside);
        Subnet = new Subnet(name, new SubnetArgs { VpcId = vpc.Id, CidrBlock = plan.Cidr, MapPublicIpOnLaunch = false }, inside);
        _ = new RouteTableAssociation(name, new RouteTableAssociationArgs { SubnetId = Subnet.Id, RouteTableId = routes.Id }, inside);

        Firewall = new SecurityGroup($"{name}-firewall", new SecurityGroupArgs
        {
            VpcId = vpc.Id,
            Description = "Web for all; SSH and development for named addresses; nothing else",
        }, inside);
        Open("http", 80, "Web, and certificates", ["0.0.0.0/0"]);
        Open("https", 443, "Web", ["0.0.0.0/0"]);
        Open("ssh", 22, "Administrators", plan.SshFrom);
        Open("development", 3001, "Development environment, from the VPN", plan.VpnRanges);

        // Images, models and model providers; mail. Names and time come from AWS' own addresses, which no firewall stands before.
        foreach (var port in plan.OutgoingPorts)
        {
            _ = new SecurityGroupEgressRule(Invariant($"{name}-out-{port}"), new SecurityGroupEgressRuleArgs
            {
                SecurityGroupId = Firewall.Id,
                CidrIpv4 = "0.0.0.0/0",
                IpProtocol = "tcp",
                FromPort = port,
                ToPort = port,
                Description = "Images, models, providers, mail",
            }, inside);
        }

        RegisterOutputs();

        void Open(string what, int port, string description, IReadOnlyList<string> from)
        {
            for (var i = 0; i < from.Count; i++)
            {
                _ = new SecurityGroupIngressRule(Invariant($"{name}-{what}-{i + 1}"), new SecurityGroupIngressRuleArgs
                {
                    SecurityGroupId = Firewall.Id,
                    CidrIpv4 = from[i],
                    IpProtocol = "tcp",
                    FromPort = port,
                    ToPort = port,
                    Description = description,
                }, inside);
            }
        }
    }

    static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
