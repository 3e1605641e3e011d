using Npgsql;

namespace ControlPlane.Platform.Database;

/// <summary>
/// Work of one tenant did not get its turn, because other work of the same tenant was in its way, or many tenants' work was that also had to wait. The database is
/// available, and other requests are not affected.
/// </summary>
public sealed class TenantBusyException(string message, Exception? inner = null) : DatabaseUnavailableException(message, inner)
{
    static readonly TimeSpan DefaultDelay = TimeSpan.FromSeconds(2);

    /// <summary>How long callers should wait before they retry.</summary>
    public TimeSpan Delay { get; init; } = DefaultDelay;

    /// <summary>The tenant has sent too much: too many of its requests were waiting already, or its quota is used up. This one was refused at once.</summary>
    public bool QueueIsFull { get; init; }

    /// <returns>The exception itself, or one for a lock timeout or places that are all taken (take_tenant_place); null for any other.</returns>
    public static TenantBusyException? Of(Exception e) => e switch
    {
        TenantBusyException busy => busy,
        PostgresException { SqlState: PostgresErrorCodes.LockNotAvailable, ConstraintName: "tenant_places" } => FullQueue(e),
        PostgresException { SqlState: PostgresErrorCodes.LockNotAvailable } => new(
            "Other work of your organization holds the data that this request needs. Send it again in a few seconds.", e),
        _ => null,
    };

    internal static TenantBusyException FullQueue(Exception? inner = null) =>
        new("Too many requests of your organization are waiting. Send fewer at the same time, and this one again in a few seconds.", inner) { QueueIsFull = true };

    internal static TenantBusyException NoPlace() => new("The service is busy with requests of other organizations. Send this one again in a few seconds.");
}
