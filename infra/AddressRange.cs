using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace ControlPlane.Infra;

/// <summary>IPv4 ranges in CIDR notation, such as 10.0.0.0/16.</summary>
public static class AddressRange
{
    /// <summary>An IPv4 network with a prefix length and no host bits set.</summary>
    public static bool IsValid(string text) =>
        text.Contains('/', StringComparison.Ordinal)
        && IPNetwork.TryParse(text, out var network)
        && network.BaseAddress.AddressFamily == AddressFamily.InterNetwork;

    /// <summary>A single IPv4 address with four parts: "192.0.2.10".</summary>
    public static bool IsAddress(string text) =>
        IPAddress.TryParse(text, out var address) && address.AddressFamily == AddressFamily.InterNetwork && address.ToString() == text;

    /// <summary>A prefix of /8 or longer: administrative ports must not be open to the whole internet.</summary>
    public static bool IsRestricted(string text) => IsValid(text) && IPNetwork.Parse(text).PrefixLength >= 8;

    public static bool IsPrivate(string text) =>
        IsRestricted(text) && Private.Any(range => Contains(range, IPNetwork.Parse(text)));

    /// <summary>The subnet with the zero-based <paramref name="index"/> and the given prefix length: ("10.0.0.0/16", 18, 1) is 10.0.64.0/18.</summary>
    public static string Subnet(string range, int prefix, int index)
    {
        var start = BitConverter.ToUInt32([.. IPNetwork.Parse(range).BaseAddress.GetAddressBytes().Reverse()]);
        var address = start + ((uint)index << (32 - prefix));
        return string.Create(CultureInfo.InvariantCulture, $"{new IPAddress([.. BitConverter.GetBytes(address).Reverse()])}/{prefix}");
    }

    static bool Contains(IPNetwork outer, IPNetwork inner) => outer.PrefixLength <= inner.PrefixLength && outer.Contains(inner.BaseAddress);

    static readonly IPNetwork[] Private = [IPNetwork.Parse("10.0.0.0/8"), IPNetwork.Parse("172.16.0.0/12"), IPNetwork.Parse("192.168.0.0/16")];
}
