using Azure;
using Azure.Identity;
using Azure.Storage.Queues;

namespace ControlPlane.AzureFunctions;

/// <summary>Usage that the database cannot take now, in a queue: a delivery is a message, or several.</summary>
sealed class UsageQueue(QueueClient queue) : IUsageOverflow
{
    public const string Name = "usage";

    /// <summary>Messages stay until they are counted, however long that takes.</summary>
    static readonly TimeSpan ForEver = TimeSpan.FromSeconds(-1);

    public async Task AddAsync(OverflowDelivery delivery, CancellationToken ct)
    {
        try
        {
            foreach (var message in OverflowMessages.Write(delivery, queue.MessageMaxBytes))
            {
                await queue.SendMessageAsync(message, timeToLive: ForEver, cancellationToken: ct);
            }
        }
        catch (Exception e) when (e is RequestFailedException or AuthenticationFailedException or AggregateException)
        {
            throw new OverflowFullException("The database is away, and the queue in which usage waits for it takes none. Send it again later.", e);
        }
    }
}
