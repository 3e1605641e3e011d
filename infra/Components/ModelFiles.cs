using System.Globalization;
using ControlPlane.Infra.Plans;
using Pulumi;
using Pulumi.Aws.Efs;
using Pulumi.Aws.Efs.Inputs;
using ReplicationConfigurationArgs = Pulumi.Aws.Efs.ReplicationConfigurationArgs;

namespace ControlPlane.Infra.Components;

/// <summary>The shared file system that models are loaded from: one mount target per zone, and a copy in the second region minutes behind.</summary>
public sealed class ModelFiles : ComponentResource
{
    public const int Port = 2049;

    public Output<string> Id { get; }
    public Output<string> Arn { get; }

    /// <summary>In the second region; <c>null</c> without one, and in a standby.</summary>
    public Output<string>? CopyId { get; }

    /// <summary>For the shared Ollama.</summary>
    public AccessPoint Shared { get; }

    /// <param name="primary">A standby mounts the copy that the primary makes. Until the copying is stopped, it is read-only.</param>
    public ModelFiles(
        string name, DataPlan plan, int zones, Network network, Cluster cluster, Keys keys, SecondRegion? second, Primary? primary, StackInfo stack,
        ComponentResourceOptions? options = null)
        : base("controlplane:data:ModelFiles", name, options)
    {
        var inside = new CustomResourceOptions { Parent = this };
        if (primary is not null)
        {
            Id = primary.Text("modelFilesCopyId");
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
            }, inside);
            (Id, Arn) = (files.Id, files.Arn);
            if (second is not null)
            {
                CopyId = new ReplicationConfiguration(name, new ReplicationConfigurationArgs
                {
                    SourceFileSystemId = files.Id,
                    Destination = new ReplicationConfigurationDestinationArgs { Region = second.Region, KmsKeyId = second.Key.Arn },
                }, inside).Destination.Apply(copy => copy.FileSystemId!);
            }
        }

        OnlyByTls(name);
        var doors = new Doors(name, "NFS, for the nodes of the cluster", network.Vpc.Id, this);
        doors.LetIn("cluster", Port, cluster.SecurityGroupId);
        for (var zone = 0; zone < zones; zone++)
        {
            var inZone = zone;
            _ = new MountTarget(string.Create(CultureInfo.InvariantCulture, $"{name}-{zone + 1}"), new MountTargetArgs
            {
                FileSystemId = Id,
                SubnetId = network.PrivateSubnetIds.ToOutput().Apply(subnets => subnets[inZone]),
                SecurityGroups = { doors.GroupId },
            }, inside);
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
        }, inside);
        RegisterOutputs();
    }

    // Whoever reaches a mount target may mount, but only encrypted, and nobody is root. A copy does not take the policy over.
    void OnlyByTls(string name) => _ = new FileSystemPolicy(name, new FileSystemPolicyArgs
    {
        FileSystemId = Id,
        Policy = Policy.Document(
            new Statement(["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"], Arn)
            {
                Principal = ("AWS", "*"),
                When = [new("Bool", "elasticfilesystem:AccessedViaMountTarget", "true")],
            },
            new Statement(["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite", "elasticfilesystem:ClientRootAccess"], Arn)
            {
                Effect = "Deny",
                Principal = ("AWS", "*"),
                When = [new("Bool", "aws:SecureTransport", "false")],
            }),
    }, new CustomResourceOptions { Parent = this });
}
