using Pulumi.Aws.Sqs;

namespace ControlPlane.Infra.Components.Data;

/// <summary>The SQS queues of the functions.</summary>
public sealed class Queues : ComponentResource
{
    /// <summary>Notifications of pending provisioning work. The work itself is in the database; a lost message delays it until the next scheduled run (1 min).</summary>
    public QueueWithDeadLetters Provision { get; }

    /// <summary>Authenticated usage that arrived while the database was unavailable.</summary>
    public QueueWithDeadLetters Overflow { get; }

    /// <summary>Dead-letter queue of schedules and asynchronous invocations.</summary>
    public Queue Failed { get; }

    public Queues(string name, FunctionsPlan plan, ComponentResourceOptions? options = null)
        : base("controlplane:queue:Queues", name, options)
    {
        var childOptions = new ComponentResourceOptions { Parent = this };
        // AWS recommends a visibility timeout of six times the function's timeout, so that throttled batches are not delivered twice.
        Provision = new QueueWithDeadLetters($"{name}-provision", 6 * plan.Provision.TimeoutSeconds, maxReceives: 5, childOptions);
        // Usage is revenue: it is retried for hours, so that only messages that can never be processed are dead-lettered.
        Overflow = new QueueWithDeadLetters($"{name}-overflow", 6 * plan.Usage.TimeoutSeconds, maxReceives: 100, childOptions);
        Failed = new Queue($"{name}-failed-dead-letters", new QueueArgs { SqsManagedSseEnabled = true, MessageRetentionSeconds = QueueWithDeadLetters.RetentionSeconds }, new CustomResourceOptions { Parent = this });
        RegisterOutputs();
    }
}
