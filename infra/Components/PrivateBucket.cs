using ControlPlane.Infra.Plans;
using Pulumi;
using Pulumi.Aws.S3;
using Pulumi.Aws.S3.Inputs;
using BucketObjectLockConfigurationArgs = Pulumi.Aws.S3.BucketObjectLockConfigurationArgs;
using BucketServerSideEncryptionConfigurationArgs = Pulumi.Aws.S3.BucketServerSideEncryptionConfigurationArgs;
using BucketVersioningArgs = Pulumi.Aws.S3.BucketVersioningArgs;

namespace ControlPlane.Infra.Components;

/// <summary>How a bucket treats what lies in it.</summary>
public sealed record BucketRules
{
    /// <summary><c>null</c>: the stack's own region.</summary>
    public string? Region { get; init; }

    /// <summary>Old versions and deleted objects disappear after so many days.</summary>
    public required int OldVersionsKeptDays { get; init; }

    public int? OldVersionsColdAfterDays { get; init; }

    /// <summary>Objects themselves disappear after so many days; <c>null</c>: never.</summary>
    public int? KeptDays { get; init; }

    /// <summary>GOVERNANCE or COMPLIANCE: objects cannot be changed or deleted for <see cref="KeptDays"/>.</summary>
    public string? Lock { get; init; }

    public static BucketRules OfModels(DataPlan plan) => new() { OldVersionsKeptDays = plan.OldModelVersionsKeptDays, OldVersionsColdAfterDays = plan.OldModelVersionsColdAfterDays };
}

/// <summary>A bucket that nobody outside reaches: no public access, TLS only, versioned, encrypted with a key of ours (S3's own for logs that AWS writes).</summary>
public sealed class PrivateBucket : ComponentResource
{
    public Bucket Bucket { get; }
    public BucketVersioning Versioning { get; }

    /// <summary>What writes through the bucket's policy has to wait for it.</summary>
    public BucketPolicy Access { get; }

    /// <param name="keyArn"><c>null</c>: encrypted by S3's own key.</param>
    public PrivateBucket(string name, Input<string>? keyArn, BucketRules rules, StackInfo stack, Func<Bucket, Statement>[] more, ComponentResourceOptions? options = null)
        : base("controlplane:storage:PrivateBucket", name, options)
    {
        var inside = new CustomResourceOptions { Parent = this };
        Bucket = new Bucket(name, new BucketArgs { Region = Inputs.Optional(rules.Region)!, ObjectLockEnabled = rules.Lock is not null, ForceDestroy = !stack.Protect }, inside);
        Versioning = new BucketVersioning(name, new BucketVersioningArgs
        {
            Region = Inputs.Optional(rules.Region)!,
            Bucket = Bucket.Id,
            VersioningConfiguration = new BucketVersioningVersioningConfigurationArgs { Status = "Enabled" },
        }, inside);
        _ = new BucketServerSideEncryptionConfiguration(name, new BucketServerSideEncryptionConfigurationArgs { Region = Inputs.Optional(rules.Region)!, Bucket = Bucket.Id, Rules = { EncryptedWith(keyArn) } }, inside);
        _ = new BucketOwnershipControls(name, new BucketOwnershipControlsArgs
        {
            Region = Inputs.Optional(rules.Region)!,
            Bucket = Bucket.Id,
            Rule = new BucketOwnershipControlsRuleArgs { ObjectOwnership = "BucketOwnerEnforced" },
        }, inside);
        var shut = new BucketPublicAccessBlock(name, new BucketPublicAccessBlockArgs
        {
            Region = Inputs.Optional(rules.Region)!,
            Bucket = Bucket.Id,
            BlockPublicAcls = true,
            BlockPublicPolicy = true,
            IgnorePublicAcls = true,
            RestrictPublicBuckets = true,
        }, inside);
        Access = new BucketPolicy(name, new BucketPolicyArgs
        {
            Region = Inputs.Optional(rules.Region)!,
            Bucket = Bucket.Id,
            Policy = Policy.Document(
            [
                // The one star: what is refused is refused whatever the action is called.
                new Statement(["s3:*"], Bucket.Arn, Output.Format($"{Bucket.Arn}/*"))
                {
                    Effect = "Deny", Principal = ("AWS", "*"), When = [new("Bool", "aws:SecureTransport", "false")],
                },
                .. more.Select(statement => statement(Bucket)),
            ]),
        }, new CustomResourceOptions { Parent = this, DependsOn = { shut } });
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
