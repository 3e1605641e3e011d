using Pulumi.Aws.Eks;
using Pulumi.Aws.Iam;

namespace ControlPlane.Infra.Components.Compute;

/// <summary>An IAM role for the pods of one Kubernetes service account.</summary>
public sealed class PodRole : ComponentResource
{
    public Role Role { get; }

    public PodRole(
        string name, string description, EksCluster cluster, string kubernetesNamespace, string serviceAccount, Statement[] statements,
        ComponentResourceOptions? options = null)
        : base("controlplane:cluster:PodRole", name, options)
    {
        var childOptions = new CustomResourceOptions { Parent = this };
        Role = new Role(name, new RoleArgs { Description = description, AssumeRolePolicy = Policy.TrustedByPods() }, childOptions);
        _ = new RolePolicy(name, new RolePolicyArgs { Role = Role.Id, Policy = Policy.Document(statements) }, childOptions);
        _ = new PodIdentityAssociation(name, new PodIdentityAssociationArgs
        {
            ClusterName = cluster.Eks.Name,
            Namespace = kubernetesNamespace,
            ServiceAccount = serviceAccount,
            RoleArn = Role.Arn,
        }, childOptions);
        RegisterOutputs();
    }
}
