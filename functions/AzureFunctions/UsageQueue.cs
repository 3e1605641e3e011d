using Azure;
using Azure.Identity;
using Azure.Storage.Queues;

namespace ControlPlane.AzureFunctions;

/// <summary>Usage overflow in a storage queue, while the database is unavailable: each delivery is one message or several.</summary>
sealed class UsageQueue(QueueClient queue) : IUsageOverflow
{
    public const string Name = "usage";

    /// <summary>Messages stay until they are ingested.</summary>
    static readonly TimeSpan NeverExpires = TimeSpan.FromSeconds(-1);

    public async Task AddAsync(OverflowDelivery delivery, CancellationToken ct)
    {
        try
        {
            foreach (var message in OverflowMessages.Write(delivery, queue.MessageMaxBytes))
            {
                await queue.SendMessageAsync(message, timeToLive: NeverExpires, cancellationToken: ct);
            }
        }
        catch (Exception e) when (e is RequestFailedException or AuthenticationFailedException or AggregateException)
        {
            throw new OverflowFullException("The database is unavailable and usage cannot be queued. Send it again later.", e);
        }
    }
}
