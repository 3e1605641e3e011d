using System.Globalization;
using ControlPlane.Infra.Plans;
using Pulumi;
using Pulumi.Aws.Sns;

namespace ControlPlane.Infra.Components;

/// <summary>Where alarms go: one topic that wakes somebody, one that is read in the morning.</summary>
public sealed class Alerts : ComponentResource
{
    public Topic Critical { get; }
    public Topic Warning { get; }

    public Alerts(string name, ObservabilityPlan plan, Keys keys, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:observability:Alerts", name, options)
    {
        Critical = Make("critical");
        Warning = Make("warning");
        RegisterOutputs();

        Topic Make(string severity)
        {
            var inside = new CustomResourceOptions { Parent = this };
            var topic = new Topic($"{name}-{severity}", new TopicArgs { DisplayName = $"{stack.Name} {severity}", KmsMasterKeyId = keys.Alerts.Id }, inside);
            _ = new TopicPolicy($"{name}-{severity}", new TopicPolicyArgs
            {
                Arn = topic.Arn,
                Policy = Policy.Document([.. Keys.Announcers.Select(service => new Statement(["sns:Publish"], topic.Arn)
                {
                    Principal = ("Service", service), When = [new("StringEquals", "aws:SourceAccount", stack.Account.Id)],
                })]),
            }, inside);
            for (var i = 0; i < plan.AlertMail.Count; i++)
            {
                _ = new TopicSubscription(string.Create(CultureInfo.InvariantCulture, $"{name}-{severity}-{i + 1}"),
                    new TopicSubscriptionArgs { Topic = topic.Arn, Protocol = "email", Endpoint = plan.AlertMail[i] }, inside);
            }

            return topic;
        }
    }
}
