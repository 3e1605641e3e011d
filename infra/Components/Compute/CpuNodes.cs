using Pulumi.Aws.Ec2;
using Pulumi.Aws.Eks;
using Pulumi.Aws.Eks.Inputs;

namespace ControlPlane.Infra.Components.Compute;

/// <summary>Standard tier: a managed node group of on-demand instances across the zones. The cluster autoscaler sets its size.</summary>
public sealed class CpuNodes : ComponentResource
{
    public NodeGroup Group { get; }

    public CpuNodes(
        string name, NodeGroupPlan plan, EksCluster cluster, VpcNetwork network, AddOns addOns, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:cluster:CpuNodes", name, options)
    {
        var role = new NodeRole($"{name}-role", stack, new ComponentResourceOptions { Parent = this });
        var template = new LaunchTemplate(name, NodeTemplate.Create(plan.DiskGib), new CustomResourceOptions { Parent = this });
        Group = new NodeGroup(name, new NodeGroupArgs
        {
            ClusterName = cluster.Eks.Name,
            NodeRoleArn = role.Role.Arn,
            SubnetIds = network.PrivateSubnetIds,
            AmiType = "AL2023_x86_64_STANDARD",
            CapacityType = "ON_DEMAND",
            InstanceTypes = [.. plan.InstanceTypes],
            ScalingConfig = new NodeGroupScalingConfigArgs { MinSize = plan.Min, DesiredSize = plan.Desired, MaxSize = plan.Max },
            UpdateConfig = new NodeGroupUpdateConfigArgs { MaxUnavailablePercentage = 33 },
            NodeRepairConfig = new NodeGroupNodeRepairConfigArgs { Enabled = true },
            LaunchTemplate = new NodeGroupLaunchTemplateArgs { Id = template.Id, Version = template.LatestVersion() },
            Labels = { ["tier"] = "standard" },
        }, new CustomResourceOptions
        {
            Parent = this,
            DependsOn = [.. role.Attachments, .. addOns.BeforeNodes],
            IgnoreChanges = { "scalingConfig.desiredSize" },
        });
        RegisterOutputs();
    }
}
