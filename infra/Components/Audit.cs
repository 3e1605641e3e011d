using ControlPlane.Infra.Plans;
using Pulumi;
using Pulumi.Aws.CloudTrail;
using Pulumi.Aws.CloudTrail.Inputs;

namespace ControlPlane.Infra.Components;

/// <summary>Who did what in the account, in every region, in a bucket where nothing can be changed before its time. Once per account: with the primary.</summary>
public sealed class Audit : ComponentResource
{
    public PrivateBucket Store { get; }

    public Audit(string name, ObservabilityPlan plan, Keys keys, PrivateBucket models, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:observability:Audit", name, options)
    {
        var trailName = stack.Named(name);
        var onlyTrail = new Condition("StringEquals", "aws:SourceArn", stack.Account.Arn("cloudtrail", $"trail/{trailName}"));
        Store = new PrivateBucket($"{name}-logs", keys.Audit.Arn, new BucketRules { KeptDays = plan.AuditDays, Lock = plan.AuditLock, OldVersionsKeptDays = 1 }, stack,
        [
            bucket => new Statement(["s3:GetBucketAcl"], bucket.Arn) { Principal = ("Service", "cloudtrail.amazonaws.com"), When = [onlyTrail] },
            bucket => new Statement(["s3:PutObject"], Output.Format($"{bucket.Arn}/AWSLogs/{stack.Account.Id}/*"))
            {
                Principal = ("Service", "cloudtrail.amazonaws.com"), When = [onlyTrail, new("StringEquals", "s3:x-amz-acl", "bucket-owner-full-control")],
            },
        ], new ComponentResourceOptions { Parent = this });
        _ = new Trail(name, new TrailArgs
        {
            Name = trailName,
            S3BucketName = Store.Bucket.Id,
            KmsKeyId = keys.Audit.Arn,
            IsMultiRegionTrail = true,
            IncludeGlobalServiceEvents = true,
            EnableLogFileValidation = true,
            EventSelectors =
            {
                new TrailEventSelectorArgs
                {
                    IncludeManagementEvents = true,
                    ReadWriteType = "All",
                    DataResources = { new TrailEventSelectorDataResourceArgs { Type = "AWS::S3::Object", Values = { Output.Format($"{models.Bucket.Arn}/") } } },
                },
            },
        }, new CustomResourceOptions { Parent = this, DependsOn = { Store.Access } });
        RegisterOutputs();
    }
}
