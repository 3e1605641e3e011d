namespace ControlPlane.Aws;

/// <summary>Usage overflow in an SQS queue: each delivery is one message or several, to be read with <see cref="OverflowMessages.Read"/>.</summary>
public sealed class QueueOverflow(QueueSender sender, string queueUrl) : IUsageOverflow
{
    public async Task AddAsync(OverflowDelivery delivery, CancellationToken ct)
    {
        try
        {
            await sender.SendAsync(queueUrl, OverflowMessages.Write(delivery, QueueSender.MaxBytes), ct);
        }
        catch (MessagesNotSentException e)
        {
            throw new OverflowFullException("The database is unavailable and usage cannot be queued. Send it again later.", e);
        }
    }
}
