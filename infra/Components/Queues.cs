using ControlPlane.Infra.Plans;
using Pulumi;
using Pulumi.Aws.Sqs;

namespace ControlPlane.Infra.Components;

/// <summary>What waits for a function.</summary>
public sealed class Queues : ComponentResource
{
    /// <summary>News that an environment has work to do. The database knows what; a lost message costs at most the minute until the schedule looks.</summary>
    public QueueWithDeadLetters Provision { get; }

    /// <summary>Usage that was authentic when the database was away.</summary>
    public QueueWithDeadLetters Overflow { get; }

    /// <summary>Dead letters of schedules and of calls that nobody waits for.</summary>
    public Queue Failed { get; }

    public Queues(string name, FunctionsPlan plan, ComponentResourceOptions? options = null)
        : base("controlplane:queue:Queues", name, options)
    {
        var inside = new ComponentResourceOptions { Parent = this };
        // Lambda asks for six times the function's timeout, so that a throttled batch is not delivered twice.
        Provision = new QueueWithDeadLetters($"{name}-provision", 6 * plan.Provision.TimeoutSeconds, maxReceives: 5, inside);
        // Usage is money: it is tried for hours, and set aside only when it is the message that is wrong.
        Overflow = new QueueWithDeadLetters($"{name}-overflow", 6 * plan.Usage.TimeoutSeconds, maxReceives: 100, inside);
        Failed = new Queue($"{name}-failed-dead-letters", new QueueArgs { SqsManagedSseEnabled = true, MessageRetentionSeconds = 14 * 24 * 3_600 }, new CustomResourceOptions { Parent = this });
        RegisterOutputs();
    }
}
