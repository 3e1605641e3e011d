using Amazon.Lambda.SQSEvents;

namespace ControlPlane.Lambda.Web;

/// <summary>Ingests usage from the overflow queue. Failed messages return to the queue, which dead-letters them after its maximum of receives.</summary>
sealed class OverflowQueueHandler(DrainOverflow drain, ILogger<OverflowQueueHandler> log)
{
    /// <returns>The messages to deliver again.</returns>
    public async Task<SQSBatchResponse> ReceiveAsync(IReadOnlyList<SQSEvent.SQSMessage> messages, CancellationToken ct)
    {
        var failed = new List<string>();
        var busy = new HashSet<Guid>();
        foreach (var message in messages)
        {
            try
            {
                var delivery = OverflowMessages.Read(message.Body);
                if (busy.Contains(delivery.Tenant) || !await TryDrainAsync(delivery, ct))
                {
                    busy.Add(delivery.Tenant);
                    failed.Add(message.MessageId);
                }
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

    /// <returns>False when the tenant's rows are locked; that says nothing about the messages of others.</returns>
    async Task<bool> TryDrainAsync(OverflowDelivery delivery, CancellationToken ct)
    {
        try
        {
            await drain.RunAsync(delivery, ct);
            return true;
        }
        catch (Exception e) when (TenantBusyException.Of(e) is { } busy)
        {
            log.LogWarning("Usage of tenant {Tenant} returns to the queue: {Reason}", delivery.Tenant, busy.Message);
            return false;
        }
    }
}
