using Pulumi.Aws.Dlm;
using Pulumi.Aws.Dlm.Inputs;
using Pulumi.Aws.Ebs;
using Pulumi.Aws.Iam;

namespace ControlPlane.Infra.Components.Data;

/// <summary>The host's data on a separate volume, which survives the instance and has a daily snapshot.</summary>
public sealed class DataVolume : ComponentResource
{
    const string SnapshotTag = "Snapshots";

    public Volume Volume { get; }

    public DataVolume(string name, VpsPlan plan, Input<string> zone, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:host:DataVolume", name, options)
    {
        var childOptions = new CustomResourceOptions { Parent = this };
        Volume = new Volume(name, new VolumeArgs
        {
            AvailabilityZone = zone,
            Size = plan.DataGib,
            Type = "gp3",
            Encrypted = true,
            FinalSnapshot = true,
            Tags = { [SnapshotTag] = stack.PhysicalName(name) },
        }, childOptions);

        var role = new Role($"{name}-snapshots", new RoleArgs
        {
            Description = "Creates and deletes snapshots of the data volume",
            AssumeRolePolicy = Policy.TrustedBy("dlm.amazonaws.com"),
        }, childOptions);
        _ = new RolePolicyAttachment($"{name}-snapshots", new RolePolicyAttachmentArgs
        {
            Role = role.Name,
            PolicyArn = stack.Account.ManagedPolicy("service-role/AWSDataLifecycleManagerServiceRole"),
        }, childOptions);
        _ = new LifecyclePolicy(name, new LifecyclePolicyArgs
        {
            Description = $"Daily snapshots of {stack.PhysicalName(name)}",
            ExecutionRoleArn = role.Arn,
            State = "ENABLED",
            PolicyDetails = new LifecyclePolicyPolicyDetailsArgs
            {
                ResourceTypes = { "VOLUME" },
                TargetTags = { [SnapshotTag] = stack.PhysicalName(name) },
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
        }, childOptions);
        RegisterOutputs();
    }
}
