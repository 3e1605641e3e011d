namespace ControlPlane.Web.Shared;

/// <summary>
/// Budgets for the bytes of request bodies in memory whose senders are not authenticated yet: one for deliveries of usage, which may be large, and one each for
/// authorizations and for everything else, so that large bodies refuse no small ones. One network may use a quarter of a budget, and may always hold a little,
/// so that a few networks cannot keep all others out.
/// </summary>
/// <param name="maximum">For deliveries of usage; each of the other budgets has half of it.</param>
sealed class UnverifiedBytes(long maximum)
{
    /// <summary>A usual delivery of a gateway, and four of the largest other bodies.</summary>
    const int FreeUsage = 256 * 1024, Free = 64 * 1024;

    readonly SharedBytes _usage = new(maximum, FreeUsage);
    readonly SharedBytes _authorizations = new(maximum / 2, Free);
    readonly SharedBytes _others = new(maximum / 2, Free);

    /// <exception cref="SettingException">The setting is invalid.</exception>
    public static UnverifiedBytes Read(IConfiguration configuration) =>
        // By default at least four of the largest bodies.
        new(configuration.ReadMemory("CONTROLPLANE_UNVERIFIED_BODIES", minimum: 1, defaultPart: 16, defaultBounds: (64, 256)));

    public SharedBytes Of(BodyLimit limit) => limit == BodyLimit.Usage ? _usage : limit == BodyLimit.Authorize ? _authorizations : _others;
}

/// <summary>Bytes in memory that senders share. One of them may use a quarter.</summary>
/// <param name="alwaysFree">What each sender may hold even while others use up the maximum.</param>
sealed class SharedBytes(long maximum, long alwaysFree)
{
    readonly Lock _gate = new();
    readonly Dictionary<string, long> _bySender = new(StringComparer.Ordinal);
    long _total;

    /// <returns>False when the budget, or the sender's share of it, is exhausted. Nothing is added then.</returns>
    public bool TryAdd(string sender, long bytes)
    {
        lock (_gate)
        {
            var ofSender = _bySender.GetValueOrDefault(sender) + bytes;
            if (ofSender > maximum / 4 || (ofSender > alwaysFree && _total + bytes > maximum))
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
