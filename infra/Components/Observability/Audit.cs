using Pulumi.Aws.CloudTrail;
using Pulumi.Aws.CloudTrail.Inputs;

namespace ControlPlane.Infra.Components.Observability;

/// <summary>CloudTrail for all regions of the account, with object lock on its log bucket. One per account, in the primary stack.</summary>
public sealed class Audit : ComponentResource
{
    public PrivateBucket Store { get; }

    public Audit(string name, ObservabilityPlan plan, Keys keys, PrivateBucket models, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:observability:Audit", name, options)
    {
        var trailName = stack.PhysicalName(name);
        var fromTrail = new Condition("StringEquals", "aws:SourceArn", stack.Account.Arn("cloudtrail", $"trail/{trailName}"));
        Store = new PrivateBucket($"{name}-logs", keys.Audit.Arn, new BucketRules { KeptDays = plan.AuditDays, Lock = plan.AuditLock, OldVersionsKeptDays = 1 }, stack,
        [
            bucket => new Statement(["s3:GetBucketAcl"], bucket.Arn) { Principal = ("Service", "cloudtrail.amazonaws.com"), Conditions = [fromTrail] },
            bucket => new Statement(["s3:PutObject"], Output.Format($"{bucket.Arn}/AWSLogs/{stack.Account.Id}/*"))
            {
                Principal = ("Service", "cloudtrail.amazonaws.com"), Conditions = [fromTrail, new("StringEquals", "s3:x-amz-acl", "bucket-owner-full-control")],
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
