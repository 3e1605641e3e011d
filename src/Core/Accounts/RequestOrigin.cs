namespace ControlPlane.Accounts;

/// <summary>Where a request comes from, as far as limits are concerned: what one origin does must not use up what another one may do.</summary>
/// <param name="Name">The network, the known device, the tenant or the member.</param>
/// <param name="NetworkName">The network, also of a known device; empty for a tenant and a member.</param>
public sealed record RequestOrigin(string Name, string NetworkName, bool IsKnownDevice)
{
    /// <summary>Prefix of the name of a known device.</summary>
    internal const string DevicePrefix = "device:";

    /// <summary>A browser that has signed in to this account before.</summary>
    public static RequestOrigin Device(string id, string network) => new(DevicePrefix + id, network, true);

    public static RequestOrigin Network(string network) => new(network, network, false);

    /// <summary>For mails that a tenant's owner sends to others.</summary>
    internal static RequestOrigin Tenant(Guid tenant) => new($"tenant:{tenant}", "", false);

    /// <summary>For mails that any member of a tenant causes: they must not use up what its owners may send.</summary>
    internal static RequestOrigin Member(Guid member) => new($"member:{member}", "", false);

    internal bool IsVisitor => NetworkName.Length > 0;

    /// <summary>The request brings a mailed link that works, or a session.</summary>
    internal bool IsAuthenticated { get; init; }
}
