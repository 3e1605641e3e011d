using ControlPlane.Infra.Plans;
using Pulumi;
using Pulumi.Aws.CloudWatch;
using Pulumi.Aws.Ec2;
using Pulumi.Aws.Iam;

namespace ControlPlane.Infra.Components;

/// <summary>Who talked to whom in the VPC, allowed or refused.</summary>
public sealed class FlowLogs : ComponentResource
{
    public FlowLogs(string name, NetworkPlan plan, Vpc vpc, Keys keys, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:network:FlowLogs", name, options)
    {
        var inside = new CustomResourceOptions { Parent = this };
        var log = new LogGroup(name, new LogGroupArgs { RetentionInDays = plan.FlowLogDays, KmsKeyId = keys.Logs.Arn }, inside);
        var role = new Role(name, new RoleArgs
        {
            Description = "VPC flow logs write to their log group",
            AssumeRolePolicy = Policy.TrustedBy("vpc-flow-logs.amazonaws.com", new Condition("StringEquals", "aws:SourceAccount", stack.Account.Id)),
        }, inside);
        _ = new RolePolicy(name, new RolePolicyArgs
        {
            Role = role.Id,
            Policy = Policy.Document(
                new Statement(["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"], Output.Format($"{log.Arn}:*")),
                new Statement(["logs:DescribeLogGroups"], stack.Account.Arn("logs", "*"))),
        }, inside);
        _ = new FlowLog(name, new FlowLogArgs
        {
            VpcId = vpc.Id,
            TrafficType = "ALL",
            LogDestinationType = "cloud-watch-logs",
            LogDestination = log.Arn,
            IamRoleArn = role.Arn,
            MaxAggregationInterval = 600,
        }, inside);
        RegisterOutputs();
    }
}
