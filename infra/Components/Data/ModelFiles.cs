using System.Globalization;
using Pulumi.Aws.Efs;
using Pulumi.Aws.Efs.Inputs;
using ReplicationConfigurationArgs = Pulumi.Aws.Efs.ReplicationConfigurationArgs;

namespace ControlPlane.Infra.Components.Data;

/// <summary>The shared EFS file system for models: one mount target per zone, replicated to the second region within minutes.</summary>
public sealed class ModelFiles : ComponentResource
{
    public const int Port = 2049;

    public Output<string> Id { get; }
    public Output<string> Arn { get; }

    /// <summary>The replica in the second region; <c>null</c> without a second region, and in a standby.</summary>
    public Output<string>? ReplicaId { get; }

    /// <summary>The access point of the shared Ollama.</summary>
    public AccessPoint Shared { get; }

    /// <param name="primary">A standby mounts the primary's replica, which is read-only until the replication is deleted.</param>
    public ModelFiles(
        string name, DataPlan plan, int zones, VpcNetwork network, EksCluster cluster, Keys keys, SecondRegion? second, PrimaryStackReference? primary, StackInfo stack,
        ComponentResourceOptions? options = null)
        : base("controlplane:data:ModelFiles", name, options)
    {
        var childOptions = new CustomResourceOptions { Parent = this };
        if (primary is not null)
        {
            Id = primary.GetOutput("modelFilesCopyId");
            Arn = stack.Account.Arn("elasticfilesystem", Output.Format($"file-system/{Id}"));
        }
        else
        {
            var files = new FileSystem(name, new FileSystemArgs
            {
                Encrypted = true,
                KmsKeyId = keys.Data.Arn,
                ThroughputMode = "elastic",
                LifecyclePolicies =
                {
                    new FileSystemLifecyclePolicyArgs { TransitionToIa = $"AFTER_{plan.FilesColdAfterDays.ToString(CultureInfo.InvariantCulture)}_DAYS" },
                    new FileSystemLifecyclePolicyArgs { TransitionToPrimaryStorageClass = "AFTER_1_ACCESS" },
                },
            }, childOptions);
            (Id, Arn) = (files.Id, files.Arn);
            if (second is not null)
            {
                ReplicaId = new ReplicationConfiguration(name, new ReplicationConfigurationArgs
                {
                    SourceFileSystemId = files.Id,
                    Destination = new ReplicationConfigurationDestinationArgs { Region = second.Region, KmsKeyId = second.Key.Arn },
                }, childOptions).Destination.Apply(replica => replica.FileSystemId!);
            }
        }

        RequireTls(name);
        var securityGroup = new SecurityGroupRules(name, "NFS, for the nodes of the cluster", network.Vpc.Id, this);
        securityGroup.AllowIngress("cluster", Port, cluster.SecurityGroupId);
        for (var zone = 0; zone < zones; zone++)
        {
            var zoneIndex = zone;
            _ = new MountTarget(string.Create(CultureInfo.InvariantCulture, $"{name}-{zone + 1}"), new MountTargetArgs
            {
                FileSystemId = Id,
                SubnetId = network.PrivateSubnetIds.ToOutput().Apply(subnets => subnets[zoneIndex]),
                SecurityGroups = { securityGroup.GroupId },
            }, childOptions);
        }

        Shared = new AccessPoint($"{name}-shared", new AccessPointArgs
        {
            FileSystemId = Id,
            PosixUser = new AccessPointPosixUserArgs { Uid = plan.AccessPoint.UserId, Gid = plan.AccessPoint.GroupId },
            RootDirectory = new AccessPointRootDirectoryArgs
            {
                Path = plan.AccessPoint.SharedPath,
                CreationInfo = new AccessPointRootDirectoryCreationInfoArgs
                {
                    OwnerUid = plan.AccessPoint.UserId,
                    OwnerGid = plan.AccessPoint.GroupId,
                    Permissions = plan.AccessPoint.Permissions,
                },
            },
        }, childOptions);
        RegisterOutputs();
    }

    // Any client of a mount target may mount, but only over TLS and never as root. Replication does not copy this policy.
    void RequireTls(string name) => _ = new FileSystemPolicy(name, new FileSystemPolicyArgs
    {
        FileSystemId = Id,
        Policy = Policy.Document(
            new Statement(["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"], Arn)
            {
                Principal = ("AWS", "*"),
                Conditions = [new("Bool", "elasticfilesystem:AccessedViaMountTarget", "true")],
            },
            new Statement(["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite", "elasticfilesystem:ClientRootAccess"], Arn)
            {
                Effect = "Deny",
                Principal = ("AWS", "*"),
                Conditions = [new("Bool", "aws:SecureTransport", "false")],
            }),
    }, new CustomResourceOptions { Parent = this });
}
