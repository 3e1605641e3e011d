using System.Globalization;
using System.Text;
using ControlPlane.Infra.Plans;
using Pulumi;
using Pulumi.Aws.AutoScaling;
using Pulumi.Aws.AutoScaling.Inputs;
using Pulumi.Aws.Ec2;
using Pulumi.Aws.Ec2.Inputs;
using Pulumi.Aws.Eks;
using Pulumi.Aws.Iam;
using Group = Pulumi.Aws.AutoScaling.Group;
using GroupArgs = Pulumi.Aws.AutoScaling.GroupArgs;

namespace ControlPlane.Infra.Components;

/// <summary>
/// Premium tier: GPU nodes from none up. A managed node group is all spot or all on demand, so this is an Auto Scaling group with mixed
/// instances. A node that has to go is drained first (see <see cref="NodeTermination"/>); a new one comes before an endangered one goes.
/// </summary>
public sealed class GpuNodes : ComponentResource
{
    const string Taint = "nvidia.com/gpu";

    // By this label the autoscaler waits for a new node's GPU instead of taking the node for one without, and adding another.
    const string AutoscalerLabel = "k8s.amazonaws.com/accelerator";

    public Group Group { get; }

    public GpuNodes(
        string name, ClusterPlan plan, Cluster cluster, Network network, AddOns before, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:cluster:GpuNodes", name, options)
    {
        var inside = new CustomResourceOptions { Parent = this };
        var gpu = plan.Gpu;
        var role = new NodeRole($"{name}-role", stack, new ComponentResourceOptions { Parent = this });
        var profile = new InstanceProfile(name, new InstanceProfileArgs { Role = role.Role.Name }, inside);
        var entry = new AccessEntry(name, new AccessEntryArgs
        {
            ClusterName = cluster.Eks.Name,
            PrincipalArn = role.Role.Arn,
            Type = "EC2_LINUX",
        }, inside);
        var image = Pulumi.Aws.Ssm.GetParameter.Invoke(new()
        {
            Name = $"/aws/service/eks/optimized-ami/{plan.Version}/amazon-linux-2023/x86_64/nvidia/{gpu.Image}/image_id",
        }).Apply(parameter => parameter.Value);
        var templates = gpu.Accelerators.ToDictionary(accelerator => accelerator, accelerator =>
        {
            var template = NodeTemplate.Of(gpu.DiskGib);
            template.ImageId = image;
            template.IamInstanceProfile = new LaunchTemplateIamInstanceProfileArgs { Arn = profile.Arn };
            template.VpcSecurityGroupIds = [cluster.SecurityGroupId];
            template.UserData = NodeConfig(plan, cluster, accelerator);
            return new LaunchTemplate($"{name}-{accelerator}", template, inside);
        });

        Group = new Group(name, new GroupArgs
        {
            MinSize = gpu.Min,
            MaxSize = gpu.Max,
            DesiredCapacity = gpu.Desired,
            VpcZoneIdentifiers = network.PrivateSubnetIds,
            CapacityRebalance = true,
            SuspendedProcesses = { "AZRebalance" }, // It would take nodes from under running pods; the autoscaler balances.
            HealthCheckGracePeriod = 300,
            WaitForCapacityTimeout = "0",
            EnabledMetrics =
            {
                Metric.GroupDesiredCapacity, Metric.GroupInServiceInstances, Metric.GroupPendingInstances,
                Metric.GroupTerminatingInstances, Metric.GroupTotalInstances,
            },
            MixedInstancesPolicy = new GroupMixedInstancesPolicyArgs
            {
                InstancesDistribution = new GroupMixedInstancesPolicyInstancesDistributionArgs
                {
                    OnDemandBaseCapacity = 0,
                    OnDemandPercentageAboveBaseCapacity = gpu.OnDemandPercent,
                    OnDemandAllocationStrategy = "prioritized",
                    SpotAllocationStrategy = "price-capacity-optimized",
                },
                LaunchTemplate = new GroupMixedInstancesPolicyLaunchTemplateArgs
                {
                    LaunchTemplateSpecification = Default(templates[gpu.Accelerators[0]]),
                    // Each type brings the template that labels it with the accelerator it has.
                    Overrides = [.. gpu.InstanceTypes.Select(type => new GroupMixedInstancesPolicyLaunchTemplateOverrideArgs
                    {
                        InstanceType = type, LaunchTemplateSpecification = For(templates[GpuGroupPlan.AcceleratorOf(type)]),
                    })],
                },
            },
            Tags = [.. AutoscalerTags(plan, stack.ClusterName)],
        }, new CustomResourceOptions
        {
            Parent = this,
            DependsOn = [entry, .. role.Attachments, .. before.BeforeNodes],
            IgnoreChanges = { "desiredCapacity" },
        });
        _ = new LifecycleHook($"{name}-drain", new LifecycleHookArgs
        {
            AutoscalingGroupName = Group.Name,
            LifecycleTransition = "autoscaling:EC2_INSTANCE_TERMINATING",
            HeartbeatTimeout = gpu.DrainSeconds,
            DefaultResult = "CONTINUE",
        }, inside);
        RegisterOutputs();
    }

    // From the tags the cluster autoscaler knows what a node would bring while there is none.
    static IEnumerable<GroupTagArgs> AutoscalerTags(ClusterPlan plan, string clusterName)
    {
        const string prefix = "k8s.io/cluster-autoscaler";
        (string Key, string Value)[] tags =
        [
            ($"kubernetes.io/cluster/{clusterName}", "owned"),
            ($"{prefix}/enabled", "true"),
            ($"{prefix}/{clusterName}", "owned"),
            ($"{prefix}/node-template/label/accelerator", plan.Gpu.Accelerators[0]),
            ($"{prefix}/node-template/label/{AutoscalerLabel}", plan.Gpu.Accelerators[0]),
            ($"{prefix}/node-template/label/tier", "premium"),
            ($"{prefix}/node-template/taint/{Taint}", "present:NoSchedule"),
            ($"{prefix}/node-template/resources/nvidia.com/gpu", "1"),
            (NodeTermination.ManagedTag, "true"),
        ];
        return tags.Select(tag => new GroupTagArgs { Key = tag.Key, Value = tag.Value, PropagateAtLaunch = true });
    }

    // nodeadm reads this at the node's first start: which cluster to join, and as what.
    static Output<string> NodeConfig(ClusterPlan plan, Cluster cluster, string accelerator) =>
        Output.Format($"""
            apiVersion: node.eks.aws/v1alpha1
            kind: NodeConfig
            spec:
              cluster:
                name: {cluster.Eks.Name}
                apiServerEndpoint: {cluster.Eks.Endpoint}
                certificateAuthority: {cluster.CertificateAuthority}
                cidr: {plan.ServiceCidr}
              kubelet:
                flags:
                  - --node-labels=accelerator={accelerator},{AutoscalerLabel}={accelerator},tier=premium
                  - --register-with-taints={Taint}=present:NoSchedule
            """).Apply(config => Convert.ToBase64String(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"""
            MIME-Version: 1.0
            Content-Type: multipart/mixed; boundary="NODE"

            --NODE
            Content-Type: application/node.eks.aws

            {config}

            --NODE--

            """))));

    static GroupMixedInstancesPolicyLaunchTemplateLaunchTemplateSpecificationArgs Default(LaunchTemplate template) =>
        new() { LaunchTemplateId = template.Id, Version = template.LatestVersion() };

    static GroupMixedInstancesPolicyLaunchTemplateOverrideLaunchTemplateSpecificationArgs For(LaunchTemplate template) =>
        new() { LaunchTemplateId = template.Id, Version = template.LatestVersion() };
}
