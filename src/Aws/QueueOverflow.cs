namespace ControlPlane.Aws;

/// <summary>The overflow as a queue: a delivery is a message, or several. What drains it reads them with <see cref="OverflowMessages.Read"/>.</summary>
public sealed class QueueOverflow(QueueSender sender, string queueUrl) : IUsageOverflow
{
    public async Task AddAsync(OverflowDelivery delivery, CancellationToken ct)
    {
        try
        {
            await sender.SendAsync(queueUrl, OverflowMessages.Write(delivery, QueueSender.MostBytes), ct);
        }
        catch (MessagesNotSentException e)
        {
            throw new OverflowFullException("The database is away, and the queue in which usage waits for it takes none. Send it again later.", e);
        }
    }
}
