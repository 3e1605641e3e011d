using Pulumi;

namespace ControlPlane.Infra.Components;

/// <summary>What the cluster autoscaler may do: see every group, and resize those of this cluster.</summary>
public sealed class ClusterAutoscaler : ComponentResource
{
    public ClusterAutoscaler(string name, Cluster cluster, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:cluster:ClusterAutoscaler", name, options)
    {
        _ = new PodRole($"{name}-role", "Adds and removes nodes", cluster, "kube-system", "cluster-autoscaler",
        [
            // AWS offers no narrower resource for these.
            new Statement(
                [
                    "autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeAutoScalingInstances", "autoscaling:DescribeLaunchConfigurations",
                    "autoscaling:DescribeScalingActivities", "autoscaling:DescribeTags", "ec2:DescribeImages", "ec2:DescribeInstanceTypes",
                    "ec2:DescribeLaunchTemplateVersions", "ec2:GetInstanceTypesFromInstanceRequirements",
                ], "*"),
            new Statement(["eks:DescribeNodegroup"], stack.Account.Arn("eks", $"nodegroup/{stack.ClusterName}/*/*")),
            new Statement(
                ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"],
                stack.Account.Arn("autoscaling", "autoScalingGroup:*:autoScalingGroupName/*"))
            {
                When = [new("StringEquals", $"aws:ResourceTag/k8s.io/cluster-autoscaler/{stack.ClusterName}", "owned")],
            },
        ], new ComponentResourceOptions { Parent = this });
        RegisterOutputs();
    }
}
