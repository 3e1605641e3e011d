using System.Text.Json;
using Pulumi;
using Pulumi.Aws.CloudWatch;

namespace ControlPlane.Infra.Components;

/// <summary>
/// Warm termination: whenever AWS wants a GPU node back, or the group lets one go, the news is queued for the cluster's
/// aws-node-termination-handler, which cordons and drains the node and only then lets it end.
/// </summary>
public sealed class NodeTermination : ComponentResource
{
    /// <summary>The handler minds instances with this tag only.</summary>
    public const string ManagedTag = "aws-node-termination-handler/managed";

    static readonly (string What, string Source, string DetailType)[] s_news =
    [
        ("group-lets-go", "aws.autoscaling", "EC2 Instance-terminate Lifecycle Action"),
        ("spot-reclaim", "aws.ec2", "EC2 Spot Instance Interruption Warning"),
        ("rebalance", "aws.ec2", "EC2 Instance Rebalance Recommendation"),
        ("state-change", "aws.ec2", "EC2 Instance State-change Notification"),
        ("maintenance", "aws.health", "AWS Health Event"),
    ];

    public QueueWithDeadLetters News { get; }

    public NodeTermination(string name, Cluster cluster, GpuNodes nodes, ComponentResourceOptions? options = null)
        : base("controlplane:cluster:NodeTermination", name, options)
    {
        var inside = new CustomResourceOptions { Parent = this };
        News = new QueueWithDeadLetters($"{name}-news", visibilitySeconds: 60, maxReceives: 10, new ComponentResourceOptions { Parent = this });
        var rules = s_news.Select(news =>
        {
            var rule = new EventRule($"{name}-{news.What}", new EventRuleArgs
            {
                Description = $"{news.DetailType}, for the termination handler",
                EventPattern = JsonSerializer.Serialize(new Dictionary<string, string[]> { ["source"] = [news.Source], ["detail-type"] = [news.DetailType] }),
            }, inside);
            _ = new EventTarget($"{name}-{news.What}", new EventTargetArgs { Rule = rule.Name, Arn = News.Queue.Arn }, inside);
            return rule;
        }).ToList();
        News.AcceptFrom($"{name}-news", new Statement(["sqs:SendMessage"], News.Queue.Arn)
        {
            Principal = ("Service", "events.amazonaws.com"),
            When = [new("ArnEquals", "aws:SourceArn", [.. rules.Select(rule => (Input<string>)rule.Arn)])],
        });
        _ = new PodRole($"{name}-handler", "Drains nodes before they end", cluster, "kube-system", "aws-node-termination-handler",
        [
            new Statement(["sqs:ReceiveMessage", "sqs:DeleteMessage"], News.Queue.Arn),
            new Statement(["autoscaling:CompleteLifecycleAction"], nodes.Group.Arn),
            // AWS offers no narrower resource for these.
            new Statement(["autoscaling:DescribeAutoScalingInstances", "autoscaling:DescribeTags", "ec2:DescribeInstances"], "*"),
        ], new ComponentResourceOptions { Parent = this });
        RegisterOutputs();
    }
}
