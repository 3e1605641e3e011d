using System.Net;
using System.Net.Sockets;

namespace ControlPlane.Notifications.Webhooks;

/// <summary>Distinguishes public IP addresses from those of internal networks, which a tenant's webhook must not reach.</summary>
public static class PublicAddresses
{
    // IANA's special-purpose registries, https://www.iana.org/assignments/iana-ipv4-special-registry and …-ipv6-special-registry.
    static readonly IPNetwork[] NotPublic =
    [
        .. ((string[])
        [
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
            "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
            // Within 2000::/3: protocol assignments including Teredo, documentation, and 6to4, which can embed any IPv4 address.
            "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
        ]).Select(IPNetwork.Parse),
    ];

    static readonly IPNetwork GlobalUnicast = IPNetwork.Parse("2000::/3");

    public static bool IsPublic(IPAddress address)
    {
        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return (plain.AddressFamily == AddressFamily.InterNetwork || GlobalUnicast.Contains(plain)) && !NotPublic.Any(network => network.Contains(plain));
    }
}
