using Pulumi.Aws.S3;
using Pulumi.Aws.S3.Inputs;
using BucketObjectLockConfigurationArgs = Pulumi.Aws.S3.BucketObjectLockConfigurationArgs;
using BucketServerSideEncryptionConfigurationArgs = Pulumi.Aws.S3.BucketServerSideEncryptionConfigurationArgs;
using BucketVersioningArgs = Pulumi.Aws.S3.BucketVersioningArgs;

namespace ControlPlane.Infra.Components.Data;

/// <summary>Region, retention and lock of a bucket's objects.</summary>
public sealed record BucketRules
{
    /// <summary><c>null</c>: the stack's own region.</summary>
    public string? Region { get; init; }

    /// <summary>Days until noncurrent versions, which include deleted objects, are removed.</summary>
    public required int OldVersionsKeptDays { get; init; }

    public int? OldVersionsColdAfterDays { get; init; }

    /// <summary>Days until current objects are deleted; <c>null</c>: never.</summary>
    public int? KeptDays { get; init; }

    /// <summary>GOVERNANCE or COMPLIANCE: objects cannot be changed or deleted for <see cref="KeptDays"/>.</summary>
    public string? Lock { get; init; }

    public static BucketRules ForModels(DataPlan plan) => new() { OldVersionsKeptDays = plan.OldModelVersionsKeptDays, OldVersionsColdAfterDays = plan.OldModelVersionsColdAfterDays };
}

/// <summary>A bucket without public access: TLS only, versioned, encrypted with a KMS key (an S3 managed key for logs that AWS writes).</summary>
public sealed class PrivateBucket : ComponentResource
{
    public Bucket Bucket { get; }
    public BucketVersioning Versioning { get; }

    /// <summary>AWS services that write to the bucket have to depend on it.</summary>
    public BucketPolicy Access { get; }

    /// <param name="keyArn"><c>null</c>: encrypted with an S3 managed key.</param>
    /// <param name="statements">Additional statements of the bucket policy.</param>
    public PrivateBucket(string name, Input<string>? keyArn, BucketRules rules, StackInfo stack, Func<Bucket, Statement>[] statements, ComponentResourceOptions? options = null)
        : base("controlplane:storage:PrivateBucket", name, options)
    {
        var childOptions = new CustomResourceOptions { Parent = this };
        Bucket = new Bucket(name, new BucketArgs { Region = Inputs.Optional(rules.Region)!, ObjectLockEnabled = rules.Lock is not null, ForceDestroy = !stack.Protect }, childOptions);
        Versioning = new BucketVersioning(name, new BucketVersioningArgs
        {
            Region = Inputs.Optional(rules.Region)!,
            Bucket = Bucket.Id,
            VersioningConfiguration = new BucketVersioningVersioningConfigurationArgs { Status = "Enabled" },
        }, childOptions);
        _ = new BucketServerSideEncryptionConfiguration(name, new BucketServerSideEncryptionConfigurationArgs { Region = Inputs.Optional(rules.Region)!, Bucket = Bucket.Id, Rules = { EncryptedWith(keyArn) } }, childOptions);
        _ = new BucketOwnershipControls(name, new BucketOwnershipControlsArgs
        {
            Region = Inputs.Optional(rules.Region)!,
            Bucket = Bucket.Id,
            Rule = new BucketOwnershipControlsRuleArgs { ObjectOwnership = "BucketOwnerEnforced" },
        }, childOptions);
        var publicAccessBlock = new BucketPublicAccessBlock(name, new BucketPublicAccessBlockArgs
        {
            Region = Inputs.Optional(rules.Region)!,
            Bucket = Bucket.Id,
            BlockPublicAcls = true,
            BlockPublicPolicy = true,
            IgnorePublicAcls = true,
            RestrictPublicBuckets = true,
        }, childOptions);
        Access = new BucketPolicy(name, new BucketPolicyArgs
        {
            Region = Inputs.Optional(rules.Region)!,
            Bucket = Bucket.Id,
            Policy = Policy.Document(
            [
                // The only wildcard action: a deny has to cover all of them.
                new Statement(["s3:*"], Bucket.Arn, Output.Format($"{Bucket.Arn}/*"))
                {
                    Effect = "Deny", Principal = ("AWS", "*"), Conditions = [new("Bool", "aws:SecureTransport", "false")],
                },
                .. statements.Select(statement => statement(Bucket)),
            ]),
        }, new CustomResourceOptions { Parent = this, DependsOn = { publicAccessBlock } });
        _ = new BucketLifecycleConfiguration(name, new BucketLifecycleConfigurationArgs { Region = Inputs.Optional(rules.Region)!, Bucket = Bucket.Id, Rules = { Lifecycle(rules) } },
            new CustomResourceOptions { Parent = this, DependsOn = { Versioning } });
        if (rules is { Lock: { } mode, KeptDays: { } days })
        {
            _ = new BucketObjectLockConfiguration(name, new BucketObjectLockConfigurationArgs
            {
                Region = Inputs.Optional(rules.Region)!,
                Bucket = Bucket.Id,
                Rule = new BucketObjectLockConfigurationRuleArgs { DefaultRetention = new BucketObjectLockConfigurationRuleDefaultRetentionArgs { Mode = mode, Days = days } },
            }, new CustomResourceOptions { Parent = this, DependsOn = { Versioning } });
        }

        RegisterOutputs();
    }

    static BucketServerSideEncryptionConfigurationRuleArgs EncryptedWith(Input<string>? keyArn) => new()
    {
        BucketKeyEnabled = keyArn is not null,
        ApplyServerSideEncryptionByDefault = keyArn is null
            ? new BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs { SseAlgorithm = "AES256" }
            : new BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs { SseAlgorithm = "aws:kms", KmsMasterKeyId = keyArn },
    };

    static BucketLifecycleConfigurationRuleArgs Lifecycle(BucketRules rules)
    {
        var rule = new BucketLifecycleConfigurationRuleArgs
        {
            Id = "keep-tidy",
            Status = "Enabled",
            Filter = new BucketLifecycleConfigurationRuleFilterArgs { Prefix = "" },
            AbortIncompleteMultipartUpload = new BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs { DaysAfterInitiation = 7 },
            NoncurrentVersionExpiration = new BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs { NoncurrentDays = rules.OldVersionsKeptDays },
        };
        if (rules.OldVersionsColdAfterDays is { } cold)
        {
            rule.NoncurrentVersionTransitions.Add(new BucketLifecycleConfigurationRuleNoncurrentVersionTransitionArgs { NoncurrentDays = cold, StorageClass = "STANDARD_IA" });
        }

        if (rules.KeptDays is { } days)
        {
            rule.Expiration = new BucketLifecycleConfigurationRuleExpirationArgs { Days = days };
        }

        return rule;
    }
}
