using System.Globalization;

namespace ControlPlane.Web.Shared;

/// <summary>
/// Budget for the bytes of request bodies in memory whose senders are not authenticated yet. One sender may use a quarter of it, so that it cannot
/// keep all others out: a client address, or the tenant that a signed delivery claims to come from.
/// </summary>
sealed class UnverifiedBytes(long maximum)
{
    const string Setting = "CONTROLPLANE_UNVERIFIED_BODIES";
    const int MiB = 1024 * 1024;
    const int MaximumSetting = 65_536;

    /// <summary>Part of the process's memory by default, and its bounds in MiB: at least four of the largest bodies.</summary>
    const int DefaultPart = 8, DefaultMinimum = 64, DefaultMaximum = 512;

    readonly Lock _gate = new();
    readonly Dictionary<string, long> _bySender = new(StringComparer.Ordinal);
    long _total;

    /// <exception cref="SettingException">The setting is invalid.</exception>
    public static UnverifiedBytes Read(IConfiguration configuration) => configuration[Setting] switch
    {
        null or "" => new(Math.Clamp(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / DefaultPart, (long)DefaultMinimum * MiB, (long)DefaultMaximum * MiB)),
        var text when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var mebibytes) && mebibytes is > 0 and <= MaximumSetting => new((long)mebibytes * MiB),
        var text => throw new SettingException($"{Setting} is \"{text}\": enter the size in MiB, from 1 to {MaximumSetting}."),
    };

    /// <returns>False when the budget, or the sender's share of it, is exhausted. Nothing is added then.</returns>
    public bool TryAdd(string sender, int bytes)
    {
        lock (_gate)
        {
            var ofSender = _bySender.GetValueOrDefault(sender) + bytes;
            if (_total + bytes > maximum || ofSender > maximum / 4)
            {
                return false;
            }

            _bySender[sender] = ofSender;
            _total += bytes;
            return true;
        }
    }

    public void Remove(string sender, long bytes)
    {
        lock (_gate)
        {
            _total -= bytes;
            if ((_bySender[sender] -= bytes) == 0)
            {
                _bySender.Remove(sender);
            }
        }
    }
}
