using Pulumi;
using Pulumi.Aws.Eks;
using Pulumi.Aws.Iam;

namespace ControlPlane.Infra.Components;

/// <summary>What the pods of one service account may do in AWS.</summary>
public sealed class PodRole : ComponentResource
{
    public Role Role { get; }

    public PodRole(
        string name, string does, Cluster cluster, string kubernetesNamespace, string serviceAccount, Statement[] may,
        ComponentResourceOptions? options = null)
        : base("controlplane:cluster:PodRole", name, options)
    {
        var inside = new CustomResourceOptions { Parent = this };
        Role = new Role(name, new RoleArgs { Description = does, AssumeRolePolicy = Policy.TrustedByPods() }, inside);
        _ = new RolePolicy(name, new RolePolicyArgs { Role = Role.Id, Policy = Policy.Document(may) }, inside);
        _ = new PodIdentityAssociation(name, new PodIdentityAssociationArgs
        {
            ClusterName = cluster.Eks.Name,
            Namespace = kubernetesNamespace,
            ServiceAccount = serviceAccount,
            RoleArn = Role.Arn,
        }, inside);
        RegisterOutputs();
    }
}
