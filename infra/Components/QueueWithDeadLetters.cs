using System.Text.Json;
using Pulumi;
using Pulumi.Aws.Sqs;

namespace ControlPlane.Infra.Components;

/// <summary>A queue and the queue for what could not be processed, from which it can be moved back once the cause is mended.</summary>
public sealed class QueueWithDeadLetters : ComponentResource
{
    const int FourteenDays = 14 * 24 * 3600;

    public Queue Queue { get; }
    public Queue DeadLetters { get; }

    /// <param name="visibilitySeconds">Longer than one message takes; for a Lambda function, six times its timeout.</param>
    /// <param name="maxReceives">Attempts before a message is set aside.</param>
    public QueueWithDeadLetters(string name, int visibilitySeconds, int maxReceives, ComponentResourceOptions? options = null)
        : base("controlplane:queue:QueueWithDeadLetters", name, options)
    {
        var inside = new CustomResourceOptions { Parent = this };
        DeadLetters = new Queue($"{name}-dead-letters", new QueueArgs
        {
            SqsManagedSseEnabled = true,
            MessageRetentionSeconds = FourteenDays,
        }, inside);
        Queue = new Queue(name, new QueueArgs
        {
            SqsManagedSseEnabled = true,
            VisibilityTimeoutSeconds = visibilitySeconds,
            MessageRetentionSeconds = FourteenDays,
            ReceiveWaitTimeSeconds = 20,
            RedrivePolicy = DeadLetters.Arn.Apply(arn => JsonSerializer.Serialize(new { deadLetterTargetArn = arn, maxReceiveCount = maxReceives })),
        }, inside);
        _ = new RedriveAllowPolicy(name, new RedriveAllowPolicyArgs
        {
            QueueUrl = DeadLetters.Url,
            RedriveAllowPolicyName = Queue.Arn.Apply(arn => JsonSerializer.Serialize(new { redrivePermission = "byQueue", sourceQueueArns = new[] { arn } })),
        }, inside);
        RegisterOutputs();
    }

    /// <summary>Lets AWS services put messages in.</summary>
    public void AcceptFrom(string name, params Statement[] statements) =>
        _ = new QueuePolicy(name, new QueuePolicyArgs
        {
            QueueUrl = Queue.Url,
            Policy = Policy.Document(statements),
        }, new CustomResourceOptions { Parent = this });
}
