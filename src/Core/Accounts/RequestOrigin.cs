namespace ControlPlane.Accounts;

/// <summary>Where a request comes from, as far as limits are concerned: what one origin does must not use up what another one may do.</summary>
/// <param name="Name">The network, the known device or the tenant.</param>
/// <param name="NetworkName">The network, also of a known device; empty for a tenant.</param>
public sealed record RequestOrigin(string Name, string NetworkName, bool IsKnownDevice)
{
    /// <summary>Prefix of the name of a known device.</summary>
    internal const string DevicePrefix = "device:";

    /// <summary>A browser that has signed in to this account before.</summary>
    public static RequestOrigin Device(string id, string network) => new(DevicePrefix + id, network, true);

    public static RequestOrigin Network(string network) => new(network, network, false);

    /// <summary>For mails that a tenant's owner sends to others.</summary>
    internal static RequestOrigin Tenant(Guid tenant) => new($"tenant:{tenant}", "", false);
}
