using System.Net;

namespace ControlPlane.Infra.Plans;

/// <summary>The VPC of topology eks and its subnets. The private ones are large, because every pod has its own address.</summary>
public sealed record NetworkPlan
{
    public required string Cidr { get; init; }

    /// <summary>A NAT gateway per zone, or a single one: cheaper, but a failure of its zone cuts off the others.</summary>
    public required bool NatPerZone { get; init; }

    /// <summary>AWS services with an interface endpoint in the VPC; the others are reached through NAT.</summary>
    public required IReadOnlyList<string> Endpoints { get; init; }

    public int Zones { get; init; } = 3;
    public int FlowLogDays { get; init; } = 90;

    public IReadOnlyList<string> PrivateSubnets => [.. Enumerable.Range(0, Zones).Select(zone => AddressRange.Subnet(Cidr, 18, zone))];

    // The last quarter of the range is for subnets with few addresses: /22 for load balancers and NAT, /24 for databases.
    public IReadOnlyList<string> PublicSubnets => [.. Enumerable.Range(0, Zones).Select(zone => AddressRange.Subnet(Cidr, 22, 48 + zone))];

    public IReadOnlyList<string> DatabaseSubnets => [.. Enumerable.Range(0, Zones).Select(zone => AddressRange.Subnet(Cidr, 24, 240 + zone))];

    public static NetworkPlan Read(Settings settings) => new()
    {
        Cidr = settings.Text("network:cidr", value => AddressRange.IsPrivate(value) && IPNetwork.Parse(value).PrefixLength == 16,
            "a private IPv4 range of /16, e.g. 10.20.0.0/16",
            "10.20.0.0/16", "Address range of the VPC. Primary and standby must differ, so that they can be peered."),
        NatPerZone = settings.Flag("network:natPerZone", true,
            "Whether each zone has its own NAT gateway (about 33 USD a month each) or all share one."),
        Endpoints = settings.List("network:endpoints", DefaultEndpoints.Contains, "names from " + string.Join(", ", DefaultEndpoints), DefaultEndpoints,
            "AWS services with an interface endpoint in the VPC (about 22 USD a month each across three zones); the others are reached through NAT."),
    };

    // The services that nodes, pods and functions call. A test compares them with the IAM policies.
    static readonly string[] DefaultEndpoints =
    [
        "aps-workspaces", "autoscaling", "ec2", "ecr.api", "ecr.dkr", "eks", "eks-auth", "elasticfilesystem", "elasticloadbalancing", "logs", "monitoring",
        "secretsmanager", "sqs", "sts", "xray",
    ];
}
