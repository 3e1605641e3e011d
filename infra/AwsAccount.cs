using Pulumi;
using Pulumi.Aws;

namespace ControlPlane.Infra;

/// <summary>The account and partition (aws, aws-cn, aws-us-gov) of the stack, for ARNs that must be known before the resource is there.</summary>
public sealed class AwsAccount(string region)
{
    public Output<string> Id { get; } = GetCallerIdentity.Invoke().Apply(identity => identity.AccountId);
    public Output<string> Partition { get; } = GetPartition.Invoke().Apply(partition => partition.Partition);

    /// <summary>In the stack's region: ("logs", "log-group:/aws/eks/*").</summary>
    public Output<string> Arn(string service, Input<string> resource) =>
        Output.Format($"arn:{Partition}:{service}:{region}:{Id}:{resource}");

    /// <summary>Of a service without regions: ("iam", "role/admin").</summary>
    public Output<string> GlobalArn(string service, Input<string> resource) => Output.Format($"arn:{Partition}:{service}::{Id}:{resource}");

    /// <summary>A policy that AWS keeps: ("service-role/AmazonEBSCSIDriverPolicy").</summary>
    public Output<string> ManagedPolicy(string name) => Output.Format($"arn:{Partition}:iam::aws:policy/{name}");
}
