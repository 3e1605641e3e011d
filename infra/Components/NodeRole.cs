using Pulumi;
using Pulumi.Aws.Iam;

namespace ControlPlane.Infra.Components;

/// <summary>What a node itself may do: join, pull images, be reached through Session Manager. What pods may do is theirs, by pod identity.</summary>
public sealed class NodeRole : ComponentResource
{
    public Role Role { get; }

    /// <summary>Nodes must not start before these are attached.</summary>
    public IReadOnlyList<Resource> Attachments { get; }

    public NodeRole(string name, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:cluster:NodeRole", name, options)
    {
        var inside = new CustomResourceOptions { Parent = this };
        Role = new Role(name, new RoleArgs
        {
            Description = "Nodes of the cluster",
            AssumeRolePolicy = Policy.TrustedBy("ec2.amazonaws.com"),
        }, inside);
        Attachments =
        [
            Attach("join", "AmazonEKSWorkerNodePolicy"),
            Attach("images", "AmazonEC2ContainerRegistryPullOnly"),
            Attach("session-manager", "AmazonSSMManagedInstanceCore"),
        ];
        RegisterOutputs();

        RolePolicyAttachment Attach(string what, string policy) => new($"{name}-{what}", new RolePolicyAttachmentArgs
        {
            Role = Role.Name,
            PolicyArn = stack.Account.ManagedPolicy(policy),
        }, inside);
    }
}
