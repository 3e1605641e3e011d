namespace ControlPlane.Metering.Overflow;

/// <summary>Where usage from proven senders waits while the database cannot take it.</summary>
public interface IUsageOverflow
{
    /// <summary>Returns once the delivery would survive the end of this process and of this machine.</summary>
    /// <exception cref="OverflowFullException">It is not kept. Parts of it may be: sending all again is safe.</exception>
    Task AddAsync(OverflowDelivery delivery, CancellationToken ct);
}

/// <summary>The database is away and the overflow takes no more. The message is for the sender.</summary>
public sealed class OverflowFullException(string message, Exception? inner = null) : DatabaseUnavailableException(message, inner);
