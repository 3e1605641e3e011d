using System.Text.Json;
using Pulumi.Aws.CloudWatch;

namespace ControlPlane.Infra.Components.Compute;

/// <summary>
/// Graceful termination of GPU nodes: spot interruptions, rebalance recommendations, scale-in and maintenance events are queued for the
/// cluster's aws-node-termination-handler, which cordons and drains the node before it is terminated.
/// </summary>
public sealed class NodeTermination : ComponentResource
{
    /// <summary>The handler ignores instances without this tag.</summary>
    public const string ManagedTag = "aws-node-termination-handler/managed";

    static readonly (string Label, string Source, string DetailType)[] EventPatterns =
    [
        ("group-lets-go", "aws.autoscaling", "EC2 Instance-terminate Lifecycle Action"),
        ("spot-reclaim", "aws.ec2", "EC2 Spot Instance Interruption Warning"),
        ("rebalance", "aws.ec2", "EC2 Instance Rebalance Recommendation"),
        ("state-change", "aws.ec2", "EC2 Instance State-change Notification"),
        ("maintenance", "aws.health", "AWS Health Event"),
    ];

    public QueueWithDeadLetters Events { get; }

    public NodeTermination(string name, EksCluster cluster, GpuNodes nodes, ComponentResourceOptions? options = null)
        : base("controlplane:cluster:NodeTermination", name, options)
    {
        var childOptions = new CustomResourceOptions { Parent = this };
        Events = new QueueWithDeadLetters($"{name}-news", visibilitySeconds: 60, maxReceives: 10, new ComponentResourceOptions { Parent = this });
        var rules = EventPatterns.Select(awsEvent =>
        {
            var rule = new EventRule($"{name}-{awsEvent.Label}", new EventRuleArgs
            {
                Description = $"{awsEvent.DetailType}, for the termination handler",
                EventPattern = JsonSerializer.Serialize(new Dictionary<string, string[]> { ["source"] = [awsEvent.Source], ["detail-type"] = [awsEvent.DetailType] }),
            }, childOptions);
            _ = new EventTarget($"{name}-{awsEvent.Label}", new EventTargetArgs { Rule = rule.Name, Arn = Events.Queue.Arn }, childOptions);
            return rule;
        }).ToList();
        Events.SetPolicy($"{name}-news", new Statement(["sqs:SendMessage"], Events.Queue.Arn)
        {
            Principal = ("Service", "events.amazonaws.com"),
            Conditions = [new("ArnEquals", "aws:SourceArn", [.. rules.Select(rule => (Input<string>)rule.Arn)])],
        });
        _ = new PodRole($"{name}-handler", "Drains nodes before termination", cluster, "kube-system", "aws-node-termination-handler",
        [
            new Statement(["sqs:ReceiveMessage", "sqs:DeleteMessage"], Events.Queue.Arn),
            new Statement(["autoscaling:CompleteLifecycleAction"], nodes.Group.Arn),
            // These actions do not support resource-level permissions.
            new Statement(["autoscaling:DescribeAutoScalingInstances", "autoscaling:DescribeTags", "ec2:DescribeInstances"], "*"),
        ], new ComponentResourceOptions { Parent = this });
        RegisterOutputs();
    }
}
