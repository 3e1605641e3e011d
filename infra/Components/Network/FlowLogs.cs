using Pulumi.Aws.CloudWatch;
using Pulumi.Aws.Ec2;
using Pulumi.Aws.Iam;

namespace ControlPlane.Infra.Components.Network;

/// <summary>Accepted and rejected traffic of the VPC, in CloudWatch Logs.</summary>
public sealed class FlowLogs : ComponentResource
{
    public FlowLogs(string name, NetworkPlan plan, Vpc vpc, Keys keys, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:network:FlowLogs", name, options)
    {
        var childOptions = new CustomResourceOptions { Parent = this };
        var log = new LogGroup(name, new LogGroupArgs { RetentionInDays = plan.FlowLogDays, KmsKeyId = keys.Logs.Arn }, childOptions);
        var role = new Role(name, new RoleArgs
        {
            Description = "VPC flow logs write to their log group",
            AssumeRolePolicy = Policy.TrustedBy("vpc-flow-logs.amazonaws.com", new Condition("StringEquals", "aws:SourceAccount", stack.Account.Id)),
        }, childOptions);
        _ = new RolePolicy(name, new RolePolicyArgs
        {
            Role = role.Id,
            Policy = Policy.Document(
                new Statement(["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"], Output.Format($"{log.Arn}:*")),
                new Statement(["logs:DescribeLogGroups"], stack.Account.Arn("logs", "*"))),
        }, childOptions);
        _ = new FlowLog(name, new FlowLogArgs
        {
            VpcId = vpc.Id,
            TrafficType = "ALL",
            LogDestinationType = "cloud-watch-logs",
            LogDestination = log.Arn,
            IamRoleArn = role.Arn,
            MaxAggregationInterval = 600,
        }, childOptions);
        RegisterOutputs();
    }
}
