using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace ControlPlane.DataPlane;

/// <summary>A range of IPv4 addresses, divided into subnets of 16 addresses for the networks of environments.</summary>
public sealed record ModelNetworks
{
    const int SubnetPrefix = 28;

    readonly uint _first;
    readonly uint _count;

    ModelNetworks(IPNetwork range)
    {
        Range = range;
        _first = BinaryPrimitives.ReadUInt32BigEndian(range.BaseAddress.GetAddressBytes());
        _count = 1u << (SubnetPrefix - range.PrefixLength);
    }

    public IPNetwork Range { get; }

    /// <returns>Null unless the text is an IPv4 range from /8 to /28, such as 192.168.240.0/20.</returns>
    public static ModelNetworks? Parse(string text) =>
        IPNetwork.TryParse(text, out var range) && range.BaseAddress.AddressFamily == AddressFamily.InterNetwork && range.PrefixLength is >= 8 and <= SubnetPrefix
            ? new ModelNetworks(range)
            : null;

    /// <summary>All subnets. Tenants begin at different ones, so that the first is usually free.</summary>
    public IEnumerable<string> From(Guid tenant)
    {
        // The last bytes of the id are random; the first ones are the time.
        var start = BinaryPrimitives.ReadUInt32BigEndian(tenant.ToByteArray(bigEndian: true).AsSpan(12));
        for (uint i = 0; i < _count; i++)
        {
            yield return Subnet((start + i) % _count);
        }
    }

    public override string ToString() => Range.ToString();

    string Subnet(uint index)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, _first + (index << (32 - SubnetPrefix)));
        return string.Create(CultureInfo.InvariantCulture, $"{new IPAddress(bytes)}/{SubnetPrefix}");
    }
}
