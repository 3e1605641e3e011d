using Pulumi.Aws;

namespace ControlPlane.Infra;

/// <summary>The account and partition (aws, aws-cn, aws-us-gov) of the stack, for ARNs that are needed before their resource exists.</summary>
public sealed class AwsAccount(string region)
{
    public Output<string> Id { get; } = GetCallerIdentity.Invoke().Apply(identity => identity.AccountId);
    public Output<string> Partition { get; } = GetPartition.Invoke().Apply(partition => partition.Partition);

    /// <summary>An ARN in the stack's region: ("logs", "log-group:/aws/eks/*").</summary>
    public Output<string> Arn(string service, Input<string> resource) =>
        Output.Format($"arn:{Partition}:{service}:{region}:{Id}:{resource}");

    /// <summary>An ARN of a global service: ("iam", "role/admin").</summary>
    public Output<string> GlobalArn(string service, Input<string> resource) => Output.Format($"arn:{Partition}:{service}::{Id}:{resource}");

    /// <summary>The ARN of an AWS managed policy: ("service-role/AmazonEBSCSIDriverPolicy").</summary>
    public Output<string> ManagedPolicy(string name) => Output.Format($"arn:{Partition}:iam::aws:policy/{name}");
}
