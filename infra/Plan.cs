using System.Text.RegularExpressions;

namespace ControlPlane.Infra;

public enum Topology
{
    /// <summary>One host with Docker: an instance of this stack, or an existing host.</summary>
    Vps,

    /// <summary>Three availability zones: EKS for tenants, Lambda for the control plane, managed data services.</summary>
    Eks,
}

public enum StackRole
{
    Primary,

    /// <summary>Warm standby in another region, on replicas of the primary stack's data.</summary>
    Standby,
}

/// <summary>
/// All decisions about a stack as plain values: sizes, counts, schedules and address ranges. Components create resources from it and decide
/// nothing themselves; the cost estimate uses the same values.
/// </summary>
public sealed partial record Plan
{
    public required Topology Topology { get; init; }
    public required StackRole Role { get; init; }
    public required string Region { get; init; }
    public required string Owner { get; init; }
    public required string Domain { get; init; }

    /// <summary>An existing Route 53 zone of <see cref="Domain"/>; <c>null</c>: the stack creates one.</summary>
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

    /// <summary>A standby that has not been promoted: its database is a read replica, and no jobs run.</summary>
    public bool IsPassive => Role == StackRole.Standby && !Standby.Promoted;

    /// <exception cref="SettingsException">Contains all problems.</exception>
    public static Plan Read(Settings settings)
    {
        var topology = settings.OneOf<Topology>("controlplane:topology", null, "What to build: vps is one host, eks spans three availability zones.");
        var role = settings.OneOf<StackRole>("controlplane:role", StackRole.Primary, "Whether this stack is the primary, or a standby in another region.");
        var region = settings.Text("aws:region", RegionName().IsMatch, "the name of an AWS region, e.g. eu-central-1", null,
            "Region of the stack and of its tenants' data.");
        var plan = new Plan
        {
            Topology = topology,
            Role = role,
            Region = region,
            Owner = settings.Text("controlplane:owner", value => value.Trim().Length > 0, "a team or an email address", null,
                "Who is responsible for the stack; a tag on every resource."),
            Domain = settings.Text("controlplane:domain", DomainName().IsMatch, "a domain name in lower case, e.g. llm.example.com", null,
                "Domain of the portal. Environments are at {slug}.users.{domain}."),
            ZoneId = settings.Optional("controlplane:zoneId", value => value.StartsWith('Z'), "the id of a Route 53 zone, e.g. Z0123456789ABCDEFGHIJ",
                "An existing hosted zone of the domain. Without it, the stack creates one, which the registrar has to delegate to."),
            Protect = settings.Flag("controlplane:protect", true,
                "Deletion protection of all resources that hold data. Turn it off, and run pulumi up, only before destroying the stack."),
            Vps = VpsPlan.Read(settings, isRequired: topology == Topology.Vps),
            Network = NetworkPlan.Read(settings),
            Cluster = ClusterPlan.Read(settings, isRequired: topology == Topology.Eks),
            Data = DataPlan.Read(settings),
            Functions = FunctionsPlan.Read(settings),
            Edge = EdgePlan.Read(settings),
            Observability = ObservabilityPlan.Read(settings, isRequired: topology == Topology.Eks),
            Standby = StandbyPlan.Read(settings, role, region),
        };
        settings.ThrowIfInvalid();
        return plan;
    }

    [GeneratedRegex("^[a-z]{2}(-[a-z]+)+-[0-9]$")]
    internal static partial Regex RegionName();

    [GeneratedRegex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$")]
    private static partial Regex DomainName();
}
