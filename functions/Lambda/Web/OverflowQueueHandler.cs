using Amazon.Lambda.SQSEvents;

namespace ControlPlane.Lambda.Web;

/// <summary>Ingests usage from the overflow queue. Failed messages return to the queue, which dead-letters them after its maximum of receives.</summary>
sealed class OverflowQueueHandler(DrainOverflow drain, ILogger<OverflowQueueHandler> log)
{
    /// <returns>The messages to deliver again.</returns>
    public async Task<SQSBatchResponse> ReceiveAsync(IReadOnlyList<SQSEvent.SQSMessage> messages, CancellationToken ct)
    {
        var failed = new List<string>();
        foreach (var message in messages)
        {
            try
            {
                await drain.RunAsync(OverflowMessages.Read(message.Body), ct);
            }
            catch (Exception e) when (e.IsDatabaseUnavailable() || (e is OperationCanceledException && ct.IsCancellationRequested))
            {
                // The remaining messages would fail as well.
                failed.AddRange(messages.SkipWhile(other => other != message).Select(other => other.MessageId));
                log.LogWarning("{Count} usage messages return to the queue: {Reason}", failed.Count, e.Message);
                break;
            }
            catch (Exception e)
            {
                // One failed message must not block the others.
                failed.Add(message.MessageId);
                log.LogError(e, "Usage message {Message} could not be ingested", message.MessageId);
            }
        }

        return new SQSBatchResponse([.. failed.Select(id => new SQSBatchResponse.BatchItemFailure { ItemIdentifier = id })]);
    }
}
