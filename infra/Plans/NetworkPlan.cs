using System.Net;

namespace ControlPlane.Infra.Plans;

/// <summary>The VPC of topology eks and its subnets: a large private one per zone, because every pod has an address of its own.</summary>
public sealed record NetworkPlan
{
    public required string Cidr { get; init; }

    /// <summary>One NAT gateway in every zone, or one for all: cheaper, and a zone's failure cuts off the others.</summary>
    public required bool NatPerZone { get; init; }

    /// <summary>AWS services reached inside the VPC instead of through NAT: what every node and function needs to start and to be observed.</summary>
    public required IReadOnlyList<string> Endpoints { get; init; }

    public int Zones { get; init; } = 3;
    public int FlowLogDays { get; init; } = 90;

    public IReadOnlyList<string> PrivateSubnets => [.. Enumerable.Range(0, Zones).Select(zone => AddressRange.Part(Cidr, 18, zone))];

    // The last quarter of the range holds what needs few addresses: /22 for load balancers and NAT, /24 for databases.
    public IReadOnlyList<string> PublicSubnets => [.. Enumerable.Range(0, Zones).Select(zone => AddressRange.Part(Cidr, 22, 48 + zone))];

    public IReadOnlyList<string> DatabaseSubnets => [.. Enumerable.Range(0, Zones).Select(zone => AddressRange.Part(Cidr, 24, 240 + zone))];

    public static NetworkPlan Read(Settings settings) => new()
    {
        Cidr = settings.Text("network:cidr", value => AddressRange.IsPrivate(value) && IPNetwork.Parse(value).PrefixLength == 16,
            "a private IPv4 range of /16, e.g. 10.20.0.0/16",
            "10.20.0.0/16", "Addresses of the VPC. The standby's must differ from the primary's, so that they can be peered."),
        NatPerZone = settings.Flag("network:natPerZone", true,
            "Whether every zone has its own NAT gateway (about 33 USD a month each) or all share one."),
        Endpoints = settings.List("network:endpoints", s_endpoints.Contains, "names out of " + string.Join(", ", s_endpoints), s_endpoints,
            "AWS services with an interface endpoint in the VPC (about 22 USD a month each over three zones); the others are reached through NAT."),
    };

    // What nodes, pods and functions call; a test compares with what they may. People call from elsewhere.
    static readonly string[] s_endpoints =
    [
        "aps-workspaces", "autoscaling", "ec2", "ecr.api", "ecr.dkr", "eks", "eks-auth", "elasticfilesystem", "elasticloadbalancing", "logs", "monitoring",
        "secretsmanager", "sqs", "sts", "xray",
    ];
}
