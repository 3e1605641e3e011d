namespace ControlPlane.Infra.Components.Compute;

/// <summary>The IAM role of the cluster autoscaler: describes all Auto Scaling groups and resizes those of this cluster.</summary>
public sealed class ClusterAutoscaler : ComponentResource
{
    public ClusterAutoscaler(string name, EksCluster cluster, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:cluster:ClusterAutoscaler", name, options)
    {
        _ = new PodRole($"{name}-role", "Adds and removes nodes", cluster, "kube-system", "cluster-autoscaler",
        [
            // These actions do not support resource-level permissions.
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
                Conditions = [new("StringEquals", $"aws:ResourceTag/k8s.io/cluster-autoscaler/{stack.ClusterName}", "owned")],
            },
        ], new ComponentResourceOptions { Parent = this });
        RegisterOutputs();
    }
}
