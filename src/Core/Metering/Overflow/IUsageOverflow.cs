namespace ControlPlane.Metering.Overflow;

/// <summary>Stores usage of authenticated senders while the database is unavailable.</summary>
public interface IUsageOverflow
{
    /// <summary>Returns when the delivery is stored durably.</summary>
    /// <exception cref="OverflowFullException">The delivery is not stored, or only in part. Sending all of it again is safe.</exception>
    Task AddAsync(OverflowDelivery delivery, CancellationToken ct);
}

/// <summary>The database is unavailable and the overflow accepts no more. The message is for the sender.</summary>
public sealed class OverflowFullException(string message, Exception? inner = null) : DatabaseUnavailableException(message, inner);
