using System.Text.Json;
using Pulumi.Aws.Sqs;

namespace ControlPlane.Infra.Components.Data;

/// <summary>A queue and its dead-letter queue, from which messages can be redriven once the cause is fixed.</summary>
public sealed class QueueWithDeadLetters : ComponentResource
{
    /// <summary>14 days, the maximum of SQS.</summary>
    public const int RetentionSeconds = 14 * 24 * 3_600;

    public Queue Queue { get; }
    public Queue DeadLetters { get; }

    /// <param name="visibilitySeconds">Longer than the processing of a message; for a Lambda function, six times its timeout.</param>
    /// <param name="maxReceives">Attempts before a message is dead-lettered.</param>
    public QueueWithDeadLetters(string name, int visibilitySeconds, int maxReceives, ComponentResourceOptions? options = null)
        : base("controlplane:queue:QueueWithDeadLetters", name, options)
    {
        var childOptions = new CustomResourceOptions { Parent = this };
        DeadLetters = new Queue($"{name}-dead-letters", new QueueArgs
        {
            SqsManagedSseEnabled = true,
            MessageRetentionSeconds = RetentionSeconds,
        }, childOptions);
        Queue = new Queue(name, new QueueArgs
        {
            SqsManagedSseEnabled = true,
            VisibilityTimeoutSeconds = visibilitySeconds,
            MessageRetentionSeconds = RetentionSeconds,
            ReceiveWaitTimeSeconds = 20,
            RedrivePolicy = DeadLetters.Arn.Apply(arn => JsonSerializer.Serialize(new { deadLetterTargetArn = arn, maxReceiveCount = maxReceives })),
        }, childOptions);
        _ = new RedriveAllowPolicy(name, new RedriveAllowPolicyArgs
        {
            QueueUrl = DeadLetters.Url,
            RedriveAllowPolicyName = Queue.Arn.Apply(arn => JsonSerializer.Serialize(new { redrivePermission = "byQueue", sourceQueueArns = new[] { arn } })),
        }, childOptions);
        RegisterOutputs();
    }

    /// <summary>Allows AWS services to send messages.</summary>
    public void SetPolicy(string name, params Statement[] statements) =>
        _ = new QueuePolicy(name, new QueuePolicyArgs
        {
            QueueUrl = Queue.Url,
            Policy = Policy.Document(statements),
        }, new CustomResourceOptions { Parent = this });
}
