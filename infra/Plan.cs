using System.Text.RegularExpressions;
using ControlPlane.Infra.Plans;

namespace ControlPlane.Infra;

public enum Topology
{
    /// <summary>One host with Docker: an instance made here, or one that exists.</summary>
    Vps,

    /// <summary>Three availability zones: EKS for the tenants, Lambda for the control plane, managed data services.</summary>
    Eks,
}

public enum StackRole
{
    Primary,

    /// <summary>Warm standby in another region, fed by the primary stack's replicas.</summary>
    Standby,
}

/// <summary>
/// Everything there is to decide about a stack: sizes, counts, schedules and address ranges, as plain values. Components turn it into
/// resources and decide nothing themselves; the cost estimate reads the same values.
/// </summary>
public sealed partial record Plan
{
    public required Topology Topology { get; init; }
    public required StackRole Role { get; init; }
    public required string Region { get; init; }
    public required string Owner { get; init; }
    public required string Domain { get; init; }

    /// <summary>An existing Route 53 zone of <see cref="Domain"/>; <c>null</c>: the stack makes one.</summary>
    public required string? ZoneId { get; init; }

    public required bool Protect { get; init; }
    public required VpsPlan Vps { get; init; }
    public required NetworkPlan Network { get; init; }
    public required ClusterPlan Cluster { get; init; }
    public required DataPlan Data { get; init; }
    public required FunctionsPlan Functions { get; init; }
    public required EdgePlan Edge { get; init; }
    public required ObservabilityPlan Observability { get; init; }
    public required StandbyPlan Standby { get; init; }

    /// <summary>A standby that has not taken over: its database follows the primary's, and nothing runs by schedule.</summary>
    public bool Waits => Role == StackRole.Standby && !Standby.Promoted;

    /// <exception cref="SettingsException">With every problem there is.</exception>
    public static Plan Read(Settings settings)
    {
        var topology = settings.OneOf<Topology>("controlplane:topology", null, "What to build: vps is one host, eks is three availability zones.");
        var role = settings.OneOf<StackRole>("controlplane:role", StackRole.Primary, "Whether this stack serves, or stands by in another region.");
        var region = settings.Text("aws:region", RegionName().IsMatch, "the name of an AWS region, e.g. eu-central-1", null,
            "Where the stack and the data of its tenants live.");
        var plan = new Plan
        {
            Topology = topology,
            Role = role,
            Region = region,
            Owner = settings.Text("controlplane:owner", value => value.Trim().Length > 0, "a team or an address", null,
                "Who answers for the stack; a tag on every resource."),
            Domain = settings.Text("controlplane:domain", DomainName().IsMatch, "a domain name in lower case, e.g. llm.example.com", null,
                "The portal's address; environments live at {slug}.users.{domain}."),
            ZoneId = settings.Optional("controlplane:zoneId", value => value.StartsWith('Z'), "the id of a Route 53 zone, e.g. Z0123456789ABCDEFGHIJ",
                "An existing hosted zone of the domain. Without it the stack makes one, and the registrar must point to it."),
            Protect = settings.Flag("controlplane:protect", true,
                "Whether what holds data refuses to be deleted. Turn it off, and update, only before a tear-down."),
            Vps = VpsPlan.Read(settings, needed: topology == Topology.Vps),
            Network = NetworkPlan.Read(settings),
            Cluster = ClusterPlan.Read(settings, needed: topology == Topology.Eks),
            Data = DataPlan.Read(settings),
            Functions = FunctionsPlan.Read(settings),
            Edge = EdgePlan.Read(settings),
            Observability = ObservabilityPlan.Read(settings, needed: topology == Topology.Eks),
            Standby = StandbyPlan.Read(settings, role, region),
        };
        settings.ThrowIfWrong();
        return plan;
    }

    [GeneratedRegex("^[a-z]{2}(-[a-z]+)+-[0-9]$")]
    internal static partial Regex RegionName();

    [GeneratedRegex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$")]
    private static partial Regex DomainName();
}
