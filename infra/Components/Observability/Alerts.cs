using System.Globalization;
using Pulumi.Aws.Sns;

namespace ControlPlane.Infra.Components.Observability;

/// <summary>The SNS topics of alarms, one per severity, with their email subscriptions.</summary>
public sealed class Alerts : ComponentResource
{
    public Topic Critical { get; }
    public Topic Warning { get; }

    public Alerts(string name, ObservabilityPlan plan, Keys keys, StackInfo stack, ComponentResourceOptions? options = null)
        : base("controlplane:observability:Alerts", name, options)
    {
        Critical = CreateTopic("critical");
        Warning = CreateTopic("warning");
        RegisterOutputs();

        Topic CreateTopic(string severity)
        {
            var childOptions = new CustomResourceOptions { Parent = this };
            var topic = new Topic($"{name}-{severity}", new TopicArgs { DisplayName = $"{stack.Name} {severity}", KmsMasterKeyId = keys.Alerts.Id }, childOptions);
            _ = new TopicPolicy($"{name}-{severity}", new TopicPolicyArgs
            {
                Arn = topic.Arn,
                Policy = Policy.Document([.. Keys.Publishers.Select(service => new Statement(["sns:Publish"], topic.Arn)
                {
                    Principal = ("Service", service), Conditions = [new("StringEquals", "aws:SourceAccount", stack.Account.Id)],
                })]),
            }, childOptions);
            for (var i = 0; i < plan.AlertMail.Count; i++)
            {
                _ = new TopicSubscription(string.Create(CultureInfo.InvariantCulture, $"{name}-{severity}-{i + 1}"),
                    new TopicSubscriptionArgs { Topic = topic.Arn, Protocol = "email", Endpoint = plan.AlertMail[i] }, childOptions);
            }

            return topic;
        }
    }
}
