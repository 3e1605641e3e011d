using ControlPlane.Infra.Plans;
using Pulumi;
using Pulumi.Aws.Dlm;
using Pulumi.Aws.Dlm.Inputs;
using Pulumi.Aws.Ebs;
using Pulumi.Aws.Iam;

namespace ControlPlane.Infra.Components;

/// <summary>Everything of value on the host, on a volume of its own: it outlives the instance, and AWS copies it every night.</summary>
public sealed class DataVolume : ComponentResource
{
    const string SnapshotTag = "Snapshots";

    public Volume Volume { get; }

    public DataVolume(string name, VpsPlan plan, Input<string> zone, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:host:DataVolume", name, options)
    {
        var inside = new CustomResourceOptions { Parent = this };
        Volume = new Volume(name, new VolumeArgs
        {
            AvailabilityZone = zone,
            Size = plan.DataGib,
            Type = "gp3",
            Encrypted = true,
            FinalSnapshot = true,
            Tags = { [SnapshotTag] = stack.Named(name) },
        }, inside);

        var role = new Role($"{name}-snapshots", new RoleArgs
        {
            Description = "Makes and removes snapshots of the data volume",
            AssumeRolePolicy = Policy.TrustedBy("dlm.amazonaws.com"),
        }, inside);
        _ = new RolePolicyAttachment($"{name}-snapshots", new RolePolicyAttachmentArgs
        {
            Role = role.Name,
            PolicyArn = stack.Account.ManagedPolicy("service-role/AWSDataLifecycleManagerServiceRole"),
        }, inside);
        _ = new LifecyclePolicy(name, new LifecyclePolicyArgs
        {
            Description = $"Daily snapshots of {stack.Named(name)}",
            ExecutionRoleArn = role.Arn,
            State = "ENABLED",
            PolicyDetails = new LifecyclePolicyPolicyDetailsArgs
            {
                ResourceTypes = { "VOLUME" },
                TargetTags = { [SnapshotTag] = stack.Named(name) },
                Schedules =
                {
                    new LifecyclePolicyPolicyDetailsScheduleArgs
                    {
                        Name = "daily",
                        CreateRule = new LifecyclePolicyPolicyDetailsScheduleCreateRuleArgs
                        {
                            Interval = 24,
                            IntervalUnit = "HOURS",
                            Times = plan.SnapshotTimeUtc,
                        },
                        RetainRule = new LifecyclePolicyPolicyDetailsScheduleRetainRuleArgs
                        {
                            Interval = plan.SnapshotsKeptDays,
                            IntervalUnit = "DAYS",
                        },
                        CopyTags = true,
                    },
                },
            },
        }, inside);
        RegisterOutputs();
    }
}
