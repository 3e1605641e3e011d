using Pulumi.Aws.Eks;
using Pulumi.Aws.Eks.Inputs;
using Pulumi.Aws.Iam;

namespace ControlPlane.Infra.Components.Compute;

/// <summary>
/// The EKS add-ons of the plan, each at its pinned version. Add-ons that nodes need to become ready are installed first; the others run on
/// nodes and are installed after them (<see cref="InstallRest"/>).
/// </summary>
public sealed class AddOns : ComponentResource
{
    static readonly string[] AddOnsBeforeNodes = ["vpc-cni", "kube-proxy", "eks-pod-identity-agent"];

    // The service account with which an add-on calls AWS, and its AWS managed policies.
    static readonly Dictionary<string, (string ServiceAccount, string[] Policies)> Identities = new()
    {
        ["vpc-cni"] = ("aws-node", ["AmazonEKS_CNI_Policy"]),
        ["aws-ebs-csi-driver"] = ("ebs-csi-controller-sa", ["service-role/AmazonEBSCSIDriverPolicy"]),
        ["aws-efs-csi-driver"] = ("efs-csi-controller-sa", ["service-role/AmazonEFSCSIDriverPolicy"]),
        ["amazon-cloudwatch-observability"] = ("cloudwatch-agent", ["CloudWatchAgentServerPolicy", "AWSXrayWriteOnlyAccess"]),
    };

    static readonly Dictionary<string, string> Configuration = new()
    {
        // Network policies isolate tenants and are enforced only with this option.
        ["vpc-cni"] = """{"enableNetworkPolicy":"true"}""",
    };

    readonly string _name;
    readonly ClusterPlan _plan;
    readonly EksCluster _cluster;
    readonly StackInfo _stack;

    public IReadOnlyList<Resource> BeforeNodes { get; }

    public AddOns(string name, ClusterPlan plan, EksCluster cluster, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:cluster:AddOns", name, options)
    {
        (_name, _plan, _cluster, _stack) = (name, plan, cluster, stack);
        BeforeNodes = [.. plan.AddOns.Keys.Where(AddOnsBeforeNodes.Contains).Order(StringComparer.Ordinal).Select(addOn => Install(addOn, []))];
        RegisterOutputs();
    }

    public void InstallRest(Resource nodes)
    {
        // ADOT needs cert-manager for the certificates of its webhooks.
        var certManager = _plan.AddOns.ContainsKey("cert-manager") ? Install("cert-manager", [nodes]) : nodes;
        foreach (var addOn in _plan.AddOns.Keys.Except(AddOnsBeforeNodes).Except(["cert-manager"]).Order(StringComparer.Ordinal))
        {
            Install(addOn, addOn == "adot" ? [nodes, certManager] : [nodes]);
        }
    }

    Addon Install(string addOn, Resource[] dependsOn)
    {
        var settings = new AddonArgs
        {
            ClusterName = _cluster.Eks.Name,
            AddonName = addOn,
            AddonVersion = _plan.AddOns[addOn],
            ResolveConflictsOnCreate = "OVERWRITE",
            ResolveConflictsOnUpdate = "PRESERVE",
        };
        if (Configuration.TryGetValue(addOn, out var configuration))
        {
            settings.ConfigurationValues = configuration;
        }

        if (Identities.TryGetValue(addOn, out var identity))
        {
            settings.PodIdentityAssociations.Add(new AddonPodIdentityAssociationArgs
            {
                ServiceAccount = identity.ServiceAccount,
                RoleArn = CreateRole(addOn, identity.Policies).Arn,
            });
        }

        return new Addon($"{_name}-{addOn}", settings, new CustomResourceOptions { Parent = this, DependsOn = dependsOn });
    }

    Role CreateRole(string addOn, string[] policies)
    {
        var childOptions = new CustomResourceOptions { Parent = this };
        var role = new Role($"{_name}-{addOn}", new RoleArgs
        {
            Description = $"The EKS add-on {addOn}",
            AssumeRolePolicy = Policy.TrustedByPods(),
        }, childOptions);
        foreach (var policy in policies)
        {
            _ = new RolePolicyAttachment($"{_name}-{addOn}-{policy.Split('/')[^1]}", new RolePolicyAttachmentArgs
            {
                Role = role.Name,
                PolicyArn = _stack.Account.ManagedPolicy(policy),
            }, childOptions);
        }

        return role;
    }
}
