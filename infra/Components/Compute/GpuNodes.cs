using System.Globalization;
using System.Text;
using Pulumi.Aws.AutoScaling;
using Pulumi.Aws.AutoScaling.Inputs;
using Pulumi.Aws.Ec2;
using Pulumi.Aws.Ec2.Inputs;
using Pulumi.Aws.Eks;
using Pulumi.Aws.Iam;
using Group = Pulumi.Aws.AutoScaling.Group;
using GroupArgs = Pulumi.Aws.AutoScaling.GroupArgs;

namespace ControlPlane.Infra.Components.Compute;

/// <summary>
/// Premium tier: GPU nodes, scaled from zero. A managed node group is either all spot or all on demand, so this is an Auto Scaling group with a
/// mixed instances policy. Nodes are drained before termination (<see cref="NodeTermination"/>), and capacity rebalancing replaces spot nodes at risk.
/// </summary>
public sealed class GpuNodes : ComponentResource
{
    const string Taint = "nvidia.com/gpu";

    // With this label the autoscaler waits until a new node reports its GPU instead of adding another node.
    const string AutoscalerLabel = "k8s.amazonaws.com/accelerator";

    public Group Group { get; }

    public GpuNodes(
        string name, ClusterPlan plan, EksCluster cluster, VpcNetwork network, AddOns addOns, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:cluster:GpuNodes", name, options)
    {
        var childOptions = new CustomResourceOptions { Parent = this };
        var gpu = plan.Gpu;
        var role = new NodeRole($"{name}-role", stack, new ComponentResourceOptions { Parent = this });
        var profile = new InstanceProfile(name, new InstanceProfileArgs { Role = role.Role.Name }, childOptions);
        var entry = new AccessEntry(name, new AccessEntryArgs
        {
            ClusterName = cluster.Eks.Name,
            PrincipalArn = role.Role.Arn,
            Type = "EC2_LINUX",
        }, childOptions);
        var image = Pulumi.Aws.Ssm.GetParameter.Invoke(new()
        {
            Name = $"/aws/service/eks/optimized-ami/{plan.Version}/amazon-linux-2023/x86_64/nvidia/{gpu.Image}/image_id",
        }).Apply(parameter => parameter.Value);
        var templates = gpu.Accelerators.ToDictionary(accelerator => accelerator, accelerator =>
        {
            var template = NodeTemplate.Create(gpu.DiskGib);
            template.ImageId = image;
            template.IamInstanceProfile = new LaunchTemplateIamInstanceProfileArgs { Arn = profile.Arn };
            template.VpcSecurityGroupIds = [cluster.SecurityGroupId];
            template.UserData = NodeConfig(plan, cluster, accelerator);
            return new LaunchTemplate($"{name}-{accelerator}", template, childOptions);
        });

        Group = new Group(name, new GroupArgs
        {
            MinSize = gpu.Min,
            MaxSize = gpu.Max,
            DesiredCapacity = gpu.Desired,
            VpcZoneIdentifiers = network.PrivateSubnetIds,
            CapacityRebalance = true,
            SuspendedProcesses = { "AZRebalance" }, // It would terminate nodes with running pods; the autoscaler balances the zones.
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
                    LaunchTemplateSpecification = DefaultTemplate(templates[gpu.Accelerators[0]]),
                    // Each instance type uses the template that labels the node with its accelerator.
                    Overrides = [.. gpu.InstanceTypes.Select(type => new GroupMixedInstancesPolicyLaunchTemplateOverrideArgs
                    {
                        InstanceType = type, LaunchTemplateSpecification = OverrideTemplate(templates[GpuGroupPlan.AcceleratorOf(type)]),
                    })],
                },
            },
            Tags = [.. AutoscalerTags(plan, stack.ClusterName)],
        }, new CustomResourceOptions
        {
            Parent = this,
            DependsOn = [entry, .. role.Attachments, .. addOns.BeforeNodes],
            IgnoreChanges = { "desiredCapacity" },
        });
        _ = new LifecycleHook($"{name}-drain", new LifecycleHookArgs
        {
            AutoscalingGroupName = Group.Name,
            LifecycleTransition = "autoscaling:EC2_INSTANCE_TERMINATING",
            HeartbeatTimeout = gpu.DrainSeconds,
            DefaultResult = "CONTINUE",
        }, childOptions);
        RegisterOutputs();
    }

    // With these tags the cluster autoscaler knows a node's labels, taints and resources while the group is empty.
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

    // Read by nodeadm at first boot.
    static Output<string> NodeConfig(ClusterPlan plan, EksCluster cluster, string accelerator) =>
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

    static GroupMixedInstancesPolicyLaunchTemplateLaunchTemplateSpecificationArgs DefaultTemplate(LaunchTemplate template) =>
        new() { LaunchTemplateId = template.Id, Version = template.LatestVersion() };

    static GroupMixedInstancesPolicyLaunchTemplateOverrideLaunchTemplateSpecificationArgs OverrideTemplate(LaunchTemplate template) =>
        new() { LaunchTemplateId = template.Id, Version = template.LatestVersion() };
}
