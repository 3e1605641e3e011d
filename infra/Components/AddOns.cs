using ControlPlane.Infra.Plans;
using Pulumi;
using Pulumi.Aws.Eks;
using Pulumi.Aws.Eks.Inputs;
using Pulumi.Aws.Iam;

namespace ControlPlane.Infra.Components;

/// <summary>
/// The EKS add-ons of the plan, each at its pinned version. Those that a node needs to become ready come before the nodes; the others
/// run on nodes, so they come after (<see cref="InstallRest"/>).
/// </summary>
public sealed class AddOns : ComponentResource
{
    static readonly string[] s_beforeNodes = ["vpc-cni", "kube-proxy", "eks-pod-identity-agent"];

    // Which service account of an add-on calls AWS, and with which of AWS' own policies.
    static readonly Dictionary<string, (string ServiceAccount, string[] Policies)> s_identities = new()
    {
        ["vpc-cni"] = ("aws-node", ["AmazonEKS_CNI_Policy"]),
        ["aws-ebs-csi-driver"] = ("ebs-csi-controller-sa", ["service-role/AmazonEBSCSIDriverPolicy"]),
        ["aws-efs-csi-driver"] = ("efs-csi-controller-sa", ["service-role/AmazonEFSCSIDriverPolicy"]),
        ["amazon-cloudwatch-observability"] = ("cloudwatch-agent", ["CloudWatchAgentServerPolicy", "AWSXrayWriteOnlyAccess"]),
    };

    static readonly Dictionary<string, string> s_configuration = new()
    {
        // Kubernetes' network policies keep tenants apart; without this nothing enforces them.
        ["vpc-cni"] = """{"enableNetworkPolicy":"true"}""",
    };

    readonly string _name;
    readonly ClusterPlan _plan;
    readonly Cluster _cluster;
    readonly StackInfo _stack;

    public IReadOnlyList<Resource> BeforeNodes { get; }

    public AddOns(string name, ClusterPlan plan, Cluster cluster, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:cluster:AddOns", name, options)
    {
        (_name, _plan, _cluster, _stack) = (name, plan, cluster, stack);
        BeforeNodes = [.. plan.AddOns.Keys.Where(s_beforeNodes.Contains).Order(StringComparer.Ordinal).Select(addOn => Install(addOn, []))];
        RegisterOutputs();
    }

    public void InstallRest(Resource nodes)
    {
        // ADOT's webhooks get their certificates from cert-manager.
        var certManager = _plan.AddOns.ContainsKey("cert-manager") ? Install("cert-manager", [nodes]) : nodes;
        foreach (var addOn in _plan.AddOns.Keys.Except(s_beforeNodes).Except(["cert-manager"]).Order(StringComparer.Ordinal))
        {
            Install(addOn, addOn == "adot" ? [nodes, certManager] : [nodes]);
        }
    }

    Addon Install(string addOn, Resource[] after)
    {
        var settings = new AddonArgs
        {
            ClusterName = _cluster.Eks.Name,
            AddonName = addOn,
            AddonVersion = _plan.AddOns[addOn],
            ResolveConflictsOnCreate = "OVERWRITE",
            ResolveConflictsOnUpdate = "PRESERVE",
        };
        if (s_configuration.TryGetValue(addOn, out var configuration))
        {
            settings.ConfigurationValues = configuration;
        }

        if (s_identities.TryGetValue(addOn, out var identity))
        {
            settings.PodIdentityAssociations.Add(new AddonPodIdentityAssociationArgs
            {
                ServiceAccount = identity.ServiceAccount,
                RoleArn = RoleFor(addOn, identity.Policies).Arn,
            });
        }

        return new Addon($"{_name}-{addOn}", settings, new CustomResourceOptions { Parent = this, DependsOn = after });
    }

    Role RoleFor(string addOn, string[] policies)
    {
        var inside = new CustomResourceOptions { Parent = this };
        var role = new Role($"{_name}-{addOn}", new RoleArgs
        {
            Description = $"The EKS add-on {addOn}",
            AssumeRolePolicy = Policy.TrustedByPods(),
        }, inside);
        foreach (var policy in policies)
        {
            _ = new RolePolicyAttachment($"{_name}-{addOn}-{policy.Split('/')[^1]}", new RolePolicyAttachmentArgs
            {
                Role = role.Name,
                PolicyArn = _stack.Account.ManagedPolicy(policy),
            }, inside);
        }

        return role;
    }
}
