using Pulumi.Aws.Iam;

namespace ControlPlane.Infra.Components.Compute;

/// <summary>The IAM role of nodes: join the cluster, pull images, Session Manager. Pods have roles of their own through EKS Pod Identity.</summary>
public sealed class NodeRole : ComponentResource
{
    public Role Role { get; }

    /// <summary>Node groups have to depend on them.</summary>
    public IReadOnlyList<Resource> Attachments { get; }

    public NodeRole(string name, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:cluster:NodeRole", name, options)
    {
        var childOptions = new CustomResourceOptions { Parent = this };
        Role = new Role(name, new RoleArgs
        {
            Description = "Nodes of the cluster",
            AssumeRolePolicy = Policy.TrustedBy("ec2.amazonaws.com"),
        }, childOptions);
        Attachments =
        [
            Attach("join", "AmazonEKSWorkerNodePolicy"),
            Attach("images", "AmazonEC2ContainerRegistryPullOnly"),
            Attach("session-manager", "AmazonSSMManagedInstanceCore"),
        ];
        RegisterOutputs();

        RolePolicyAttachment Attach(string label, string policy) => new($"{name}-{label}", new RolePolicyAttachmentArgs
        {
            Role = Role.Name,
            PolicyArn = stack.Account.ManagedPolicy(policy),
        }, childOptions);
    }
}
