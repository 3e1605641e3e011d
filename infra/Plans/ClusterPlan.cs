using System.Text.RegularExpressions;

namespace ControlPlane.Infra.Plans;

/// <summary>The EKS cluster and its two groups of nodes. Node sizes and counts are the ones the platform was planned with.</summary>
public sealed partial record ClusterPlan
{
    public required string Version { get; init; }

    /// <summary>Who may reach the public endpoint; nodes use the private one. Empty: there is no public endpoint.</summary>
    public required IReadOnlyList<string> PublicAccessFrom { get; init; }

    /// <summary>IAM roles that administer the cluster.</summary>
    public required IReadOnlyList<string> AdminRoles { get; init; }

    /// <summary>Name and pinned version of every EKS add-on.</summary>
    public required IReadOnlyDictionary<string, string> AddOns { get; init; }

    public required NodeGroupPlan Cpu { get; init; }
    public required GpuGroupPlan Gpu { get; init; }
    public int LogDays { get; init; } = 90;

    /// <summary>Addresses of Kubernetes services; they exist only inside the cluster.</summary>
    public string ServiceCidr { get; init; } = "172.20.0.0/16";

    // Without these no node becomes ready, and no pod finds another one or its role.
    static readonly string[] s_essentialAddOns = ["vpc-cni", "kube-proxy", "coredns", "eks-pod-identity-agent"];

    public static ClusterPlan Read(Settings settings, bool needed)
    {
        var plan = ReadAll(settings, needed);
        var missing = s_essentialAddOns.Except(plan.AddOns.Keys).ToList();
        settings.Must(!needed || missing.Count == 0,
            $"eks:addOns is without {string.Join(", ", missing)}. Allowed: any add-ons, as long as {string.Join(", ", s_essentialAddOns)} are among them.");
        return plan;
    }

    static ClusterPlan ReadAll(Settings settings, bool needed) => new()
    {
        Version = settings.Text("eks:version", KubernetesVersion().IsMatch, "a Kubernetes minor version, e.g. 1.35", "1.35",
            "Kubernetes version of the cluster and its nodes."),
        PublicAccessFrom = settings.List("eks:publicAccessFrom", AddressRange.IsNamed,
            "IPv4 ranges of at most /8, e.g. 198.51.100.0/24; the whole world is not allowed", [],
            "Who may reach the cluster's public endpoint. Empty: only the VPC."),
        AdminRoles = settings.List("eks:adminRoles", IamRole().IsMatch,
            "ARNs of IAM roles, e.g. arn:aws:iam::111122223333:role/platform-admin", needed ? null : [],
            "Who administers the cluster, besides the control plane."),
        AddOns = settings.Map("eks:addOns", (name, version) => AddOnName().IsMatch(name) && AddOnVersion().IsMatch(version),
            "add-on names with a pinned version, e.g. vpc-cni: v1.21.1-eksbuild.1 (aws eks describe-addon-versions lists them)",
            needed ? null : Nothing,
            "The EKS add-ons to install."),
        Cpu = NodeGroupPlan.Read(settings),
        Gpu = GpuGroupPlan.Read(settings),
    };

    static readonly IReadOnlyDictionary<string, string> Nothing = new Dictionary<string, string>();

    [GeneratedRegex("^1\\.[0-9]{2}$")]
    private static partial Regex KubernetesVersion();

    [GeneratedRegex("^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$")]
    private static partial Regex IamRole();

    [GeneratedRegex("^[a-z][a-z0-9-]+$")]
    private static partial Regex AddOnName();

    [GeneratedRegex("^v[0-9]+\\.[0-9]+\\.[0-9]+-eksbuild\\.[0-9]+$")]
    private static partial Regex AddOnVersion();
}

/// <summary>Standard tier: models on CPUs, and everything that is not a model.</summary>
public sealed partial record NodeGroupPlan(IReadOnlyList<string> InstanceTypes, int Min, int Desired, int Max)
{
    public int DiskGib { get; init; } = 100;

    public static NodeGroupPlan Read(Settings settings)
    {
        var plan = new NodeGroupPlan(
            settings.List("eks:cpuInstanceTypes", InstanceTypeName().IsMatch, "x86-64 EC2 instance types", ["c5.2xlarge", "c5.4xlarge", "c5.9xlarge"],
                "Nodes of the standard tier."),
            settings.Number("eks:cpuMin", 3, 1, 450, "Fewest nodes; one per zone keeps every zone alive."),
            settings.Number("eks:cpuDesired", 5, 1, 450, "Nodes at the start; the autoscaler moves it afterwards."),
            settings.Number("eks:cpuMax", 50, 1, 450, "Most nodes."));
        settings.Must(plan.Min <= plan.Desired && plan.Desired <= plan.Max,
            $"eks:cpuMin, eks:cpuDesired, eks:cpuMax are {plan.Min}, {plan.Desired}, {plan.Max}. Allowed: each at least as large as the one before.");
        return plan;
    }

    [GeneratedRegex("^[a-z][a-z0-9-]*\\.[a-z0-9-]+$")]
    internal static partial Regex InstanceTypeName();
}

/// <summary>Premium tier: models on GPUs, from none up. 30 % on demand, so that it survives a wave of spot reclaims.</summary>
public sealed record GpuGroupPlan(IReadOnlyList<string> InstanceTypes, int Max, int OnDemandPercent)
{
    const string ImagePrefix = "amazon-eks-node-al2023-x86_64-nvidia-";

    // What the family brings, as the node label "accelerator" names it.
    static readonly Dictionary<string, string> s_accelerators = new()
    {
        ["g4dn"] = "nvidia-tesla-t4",
        ["g5"] = "nvidia-a10g",
        ["g6"] = "nvidia-l4",
        ["g6e"] = "nvidia-l40s",
        ["p4d"] = "nvidia-a100",
        ["p5"] = "nvidia-h100",
    };

    public int Min { get; init; }
    public int Desired { get; init; }
    public int DiskGib { get; init; } = 200;

    /// <summary>How long a node that is asked to go may let its pods finish, in seconds.</summary>
    public int DrainSeconds { get; init; } = 300;

    /// <summary>AMI: "recommended", or the name of a pinned release under the same path of AWS' public parameters.</summary>
    public string Image { get; init; } = "recommended";

    public IReadOnlyList<string> Accelerators => [.. InstanceTypes.Select(AcceleratorOf).Distinct()];

    public static string AcceleratorOf(string instanceType) => s_accelerators[instanceType.Split('.')[0]];

    public static GpuGroupPlan Read(Settings settings) => new(
        // g5 and g6 succeed the p3 family, which is no longer offered. The autoscaler reads only the first type to know what a node brings.
        settings.List("eks:gpuInstanceTypes", type => type.Contains('.') && s_accelerators.ContainsKey(type.Split('.')[0]),
            "EC2 instance types of the families " + string.Join(", ", s_accelerators.Keys),
            ["g4dn.xlarge", "g4dn.2xlarge", "g5.2xlarge", "g6.2xlarge"],
            "Nodes of the premium tier, the smallest first; the more types, the fewer reclaims."),
        settings.Number("eks:gpuMax", 20, 0, 450, "Most GPU nodes; there are none until one is needed."),
        settings.Number("eks:gpuOnDemandPercent", 30, 0, 100, "Share of GPU nodes that are on demand, in percent; the rest is spot."))
    {
        Image = settings.Text("eks:gpuImage", value => value == "recommended" || value.StartsWith(ImagePrefix, StringComparison.Ordinal),
            $"recommended, or a release such as {ImagePrefix}1.35-v20260801", "recommended",
            "The machine image of GPU nodes."),
    };
}
