using Amazon.Lambda.SQSEvents;

namespace ControlPlane.Lambda.Web;

/// <summary>Counts usage that waited in the queue. What cannot be counted now goes back, and what can never be is set aside by the queue in the end.</summary>
sealed class OverflowQueueHandler(DrainOverflow drain, ILogger<OverflowQueueHandler> log)
{
    /// <returns>The messages that are to be delivered again.</returns>
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
                // The others would fare no better.
                failed.AddRange(messages.SkipWhile(other => other != message).Select(other => other.MessageId));
                log.LogWarning("{Count} messages of usage go back to the queue: {Why}", failed.Count, e.Message);
                break;
            }
            catch (Exception e)
            {
                // The boundary of a message: the others do not wait for it.
                failed.Add(message.MessageId);
                log.LogError(e, "Message {Message} of usage cannot be counted", message.MessageId);
            }
        }

        return new SQSBatchResponse([.. failed.Select(id => new SQSBatchResponse.BatchItemFailure { ItemIdentifier = id })]);
    }
}
