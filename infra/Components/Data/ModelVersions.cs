using Pulumi.Aws.Iam;
using Pulumi.Aws.S3;
using Pulumi.Aws.S3.Inputs;

namespace ControlPlane.Infra.Components.Data;

/// <summary>All versions of all models, for rollbacks: a versioned bucket, replicated to the second region within 15 minutes.</summary>
public sealed class ModelVersions : ComponentResource
{
    public PrivateBucket Store { get; }

    public ModelVersions(string name, DataPlan plan, Keys keys, SecondRegion? second, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:data:ModelVersions", name, options)
    {
        Store = new PrivateBucket($"{name}-store", keys.Data.Arn, BucketRules.ForModels(plan), stack, [], new ComponentResourceOptions { Parent = this });
        if (second is not null)
        {
            ReplicateTo(name, second, keys, stack);
        }

        RegisterOutputs();
    }

    void ReplicateTo(string name, SecondRegion second, Keys keys, StackInfo stack)
    {
        var childOptions = new CustomResourceOptions { Parent = this };
        var (source, target) = (Store.Bucket, second.Models.Bucket);
        var role = new Role($"{name}-copy", new RoleArgs
        {
            Description = "S3 replicates models to the second region",
            AssumeRolePolicy = Policy.TrustedBy("s3.amazonaws.com", new Condition("StringEquals", "aws:SourceAccount", stack.Account.Id)),
        }, childOptions);
        _ = new RolePolicy($"{name}-copy", new RolePolicyArgs
        {
            Role = role.Id,
            Policy = Policy.Document(
                new Statement(["s3:GetReplicationConfiguration", "s3:ListBucket"], source.Arn),
                new Statement(["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging"], Output.Format($"{source.Arn}/*")),
                new Statement(["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"], Output.Format($"{target.Arn}/*")),
                new Statement(["kms:Decrypt"], keys.Data.Arn) { Conditions = [new("StringEquals", "kms:ViaService", $"s3.{stack.Region}.amazonaws.com")] },
                new Statement(["kms:Encrypt"], second.Key.Arn) { Conditions = [new("StringEquals", "kms:ViaService", $"s3.{second.Region}.amazonaws.com")] }),
        }, childOptions);
        _ = new BucketReplicationConfig(name, new BucketReplicationConfigArgs
        {
            Bucket = source.Id,
            Role = role.Arn,
            Rules =
            {
                new BucketReplicationConfigRuleArgs
                {
                    Id = "second-region",
                    Status = "Enabled",
                    Priority = 1,
                    Filter = new BucketReplicationConfigRuleFilterArgs { Prefix = "" },
                    DeleteMarkerReplication = new BucketReplicationConfigRuleDeleteMarkerReplicationArgs { Status = "Enabled" },
                    SourceSelectionCriteria = new BucketReplicationConfigRuleSourceSelectionCriteriaArgs
                    {
                        SseKmsEncryptedObjects = new BucketReplicationConfigRuleSourceSelectionCriteriaSseKmsEncryptedObjectsArgs { Status = "Enabled" },
                    },
                    Destination = new BucketReplicationConfigRuleDestinationArgs
                    {
                        Bucket = target.Arn,
                        StorageClass = "STANDARD_IA",
                        EncryptionConfiguration = new BucketReplicationConfigRuleDestinationEncryptionConfigurationArgs { ReplicaKmsKeyId = second.Key.Arn },
                        ReplicationTime = new BucketReplicationConfigRuleDestinationReplicationTimeArgs
                        {
                            Status = "Enabled", Time = new BucketReplicationConfigRuleDestinationReplicationTimeTimeArgs { Minutes = 15 },
                        },
                        Metrics = new BucketReplicationConfigRuleDestinationMetricsArgs
                        {
                            Status = "Enabled", EventThreshold = new BucketReplicationConfigRuleDestinationMetricsEventThresholdArgs { Minutes = 15 },
                        },
                    },
                },
            },
        }, new CustomResourceOptions { Parent = this, DependsOn = { Store.Versioning, second.Models.Versioning } });
    }
}
