using System.Text.RegularExpressions;

namespace ControlPlane.Infra.Plans;

/// <summary>The EKS cluster and its two node groups. The defaults of node sizes and counts are those of the platform's original plan.</summary>
public sealed partial record ClusterPlan
{
    public required string Version { get; init; }

    /// <summary>Ranges that may reach the public endpoint; nodes use the private one. Empty: no public endpoint.</summary>
    public required IReadOnlyList<string> PublicAccessFrom { get; init; }

    /// <summary>IAM roles that administer the cluster.</summary>
    public required IReadOnlyList<string> AdminRoles { get; init; }

    /// <summary>EKS add-ons by name, with pinned versions.</summary>
    public required IReadOnlyDictionary<string, string> AddOns { get; init; }

    public required NodeGroupPlan Cpu { get; init; }
    public required GpuGroupPlan Gpu { get; init; }
    public int LogDays { get; init; } = 90;

    /// <summary>Cluster-internal addresses of Kubernetes services.</summary>
    public string ServiceCidr { get; init; } = "172.20.0.0/16";

    // Required for nodes to become ready, for DNS between pods, and for pod roles.
    static readonly string[] EssentialAddOns = ["vpc-cni", "kube-proxy", "coredns", "eks-pod-identity-agent"];

    public static ClusterPlan Read(Settings settings, bool isRequired)
    {
        var plan = ReadAll(settings, isRequired);
        var missing = EssentialAddOns.Except(plan.AddOns.Keys).ToList();
        settings.Require(!isRequired || missing.Count == 0,
            $"eks:addOns does not contain {string.Join(", ", missing)}. Allowed: any add-ons that include {string.Join(", ", EssentialAddOns)}.");
        return plan;
    }

    static ClusterPlan ReadAll(Settings settings, bool isRequired) => new()
    {
        Version = settings.Text("eks:version", KubernetesVersion().IsMatch, "a Kubernetes minor version, e.g. 1.35", "1.35",
            "Kubernetes version of the cluster and its nodes."),
        PublicAccessFrom = settings.List("eks:publicAccessFrom", AddressRange.IsRestricted,
            "IPv4 ranges with a prefix of /8 or longer, e.g. 198.51.100.0/24; 0.0.0.0/0 is not allowed", [],
            "Ranges that may reach the cluster's public endpoint. Empty: no public endpoint, access from the VPC only."),
        AdminRoles = settings.List("eks:adminRoles", IamRole().IsMatch,
            "ARNs of IAM roles, e.g. arn:aws:iam::111122223333:role/platform-admin", isRequired ? null : [],
            "IAM roles that administer the cluster, in addition to the control plane."),
        AddOns = settings.Map("eks:addOns", (name, version) => AddOnName().IsMatch(name) && AddOnVersion().IsMatch(version),
            "add-on names with a pinned version, e.g. vpc-cni: v1.21.1-eksbuild.1 (aws eks describe-addon-versions lists them)",
            isRequired ? null : NoAddOns,
            "EKS add-ons to install."),
        Cpu = NodeGroupPlan.Read(settings),
        Gpu = GpuGroupPlan.Read(settings),
    };

    static readonly IReadOnlyDictionary<string, string> NoAddOns = new Dictionary<string, string>();

    [GeneratedRegex("^1\\.[0-9]{2}$")]
    private static partial Regex KubernetesVersion();

    [GeneratedRegex("^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$")]
    private static partial Regex IamRole();

    [GeneratedRegex("^[a-z][a-z0-9-]+$")]
    private static partial Regex AddOnName();

    [GeneratedRegex("^v[0-9]+\\.[0-9]+\\.[0-9]+-eksbuild\\.[0-9]+$")]
    private static partial Regex AddOnVersion();
}

/// <summary>Standard tier: models on CPUs, and all other workloads.</summary>
public sealed partial record NodeGroupPlan(IReadOnlyList<string> InstanceTypes, int Min, int Desired, int Max)
{
    public int DiskGib { get; init; } = 100;

    public static NodeGroupPlan Read(Settings settings)
    {
        var plan = new NodeGroupPlan(
            settings.List("eks:cpuInstanceTypes", InstanceTypeName().IsMatch, "x86-64 EC2 instance types", ["c5.2xlarge", "c5.4xlarge", "c5.9xlarge"],
                "Instance types of the standard tier."),
            settings.Number("eks:cpuMin", 3, 1, 450, "Minimum number of CPU nodes; at least one per zone is recommended."),
            settings.Number("eks:cpuDesired", 5, 1, 450, "Initial number of CPU nodes; the autoscaler adjusts it afterwards."),
            settings.Number("eks:cpuMax", 50, 1, 450, "Maximum number of CPU nodes."));
        settings.Require(plan.Min <= plan.Desired && plan.Desired <= plan.Max,
            $"eks:cpuMin, eks:cpuDesired, eks:cpuMax are {plan.Min}, {plan.Desired}, {plan.Max}. Allowed: min <= desired <= max.");
        return plan;
    }

    [GeneratedRegex("^[a-z][a-z0-9-]*\\.[a-z0-9-]+$")]
    internal static partial Regex InstanceTypeName();
}

/// <summary>Premium tier: models on GPUs, scaled from zero. 30 % on demand, to survive many spot interruptions at once.</summary>
public sealed record GpuGroupPlan(IReadOnlyList<string> InstanceTypes, int Max, int OnDemandPercent)
{
    const string ImagePrefix = "amazon-eks-node-al2023-x86_64-nvidia-";

    // Value of the node label "accelerator" by instance family.
    static readonly Dictionary<string, string> AcceleratorsByFamily = new()
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

    /// <summary>Time to drain a node before termination, in seconds.</summary>
    public int DrainSeconds { get; init; } = 300;

    /// <summary>AMI: "recommended", or the name of a pinned release in the public SSM parameters of EKS.</summary>
    public string Image { get; init; } = "recommended";

    public IReadOnlyList<string> Accelerators => [.. InstanceTypes.Select(AcceleratorOf).Distinct()];

    public static string AcceleratorOf(string instanceType) => AcceleratorsByFamily[instanceType.Split('.')[0]];

    public static GpuGroupPlan Read(Settings settings) => new(
        // g5 and g6 replace the discontinued p3 family. The autoscaler derives a node's resources from the first type only.
        settings.List("eks:gpuInstanceTypes", type => type.Contains('.') && AcceleratorsByFamily.ContainsKey(type.Split('.')[0]),
            "EC2 instance types of the families " + string.Join(", ", AcceleratorsByFamily.Keys),
            ["g4dn.xlarge", "g4dn.2xlarge", "g5.2xlarge", "g6.2xlarge"],
            "Instance types of the premium tier, the smallest first. More types mean fewer spot interruptions."),
        settings.Number("eks:gpuMax", 20, 0, 450, "Maximum number of GPU nodes; the minimum is 0."),
        settings.Number("eks:gpuOnDemandPercent", 30, 0, 100, "Percentage of on-demand GPU nodes; the others are spot."))
    {
        Image = settings.Text("eks:gpuImage", value => value == "recommended" || value.StartsWith(ImagePrefix, StringComparison.Ordinal),
            $"recommended, or a release such as {ImagePrefix}1.35-v20260801", "recommended",
            "AMI of GPU nodes."),
    };
}
