using System.Net;

namespace ControlPlane.Accounts.Members;

/// <summary>A computation that waits for its turn.</summary>
/// <param name="Refuse">Tells its caller that it is not computed.</param>
sealed record Computation(string Network, Action Run, Action Refuse)
{
    /// <summary>Who may hold many networks: of an IPv6 network its /48, which providers of tunnels give away; otherwise the network itself.</summary>
    public string Site { get; } = SiteOf(Network);

    static string SiteOf(string network) =>
        IPNetwork.TryParse(network, out var parsed) && parsed is { BaseAddress.AddressFamily: System.Net.Sockets.AddressFamily.InterNetworkV6, PrefixLength: > 48 }
            ? $"{new IPAddress([.. parsed.BaseAddress.GetAddressBytes().AsSpan(0, 6), .. new byte[10]])}/48"
            : network;
}

/// <summary>
/// Computations that wait. Sites take turns, and so do the networks of a site. When all places are taken, one that has few of them gets one of the site or network that has
/// most: whoever fills the queue keeps no other out. Not thread-safe.
/// </summary>
sealed class WaitingComputations(int places, int placesPerNetwork)
{
    /// <summary>How many networks' worth of places a site may take.</summary>
    const int Networks = 4;

    // In order of arrival. So few that they are simply counted.
    readonly List<Computation> _waiting = [];

    // The site or network that was last in turn has the highest number.
    readonly Dictionary<(string Site, string? Network), long> _turns = [];
    long _lastTurn;

    /// <returns>False when there is no place: it is not in the queue.</returns>
    public bool TryEnqueue(Computation computation)
    {
        var (ofSite, ofNetwork) = (CountSite(computation), CountNetwork(computation));
        if (ofNetwork >= placesPerNetwork || ofSite >= Networks * placesPerNetwork || (_waiting.Count >= places && !TryDisplaceFor(computation, ofSite, ofNetwork)))
        {
            return false;
        }

        _waiting.Add(computation);
        _turns.TryAdd((computation.Site, null), ++_lastTurn);
        _turns.TryAdd((computation.Site, computation.Network), ++_lastTurn);
        return true;
    }

    public Computation? Dequeue()
    {
        if (_waiting.MinBy(waiting => (_turns[(waiting.Site, null)], _turns[(waiting.Site, waiting.Network)])) is not { } next)
        {
            return null;
        }

        _waiting.Remove(next);
        EndTurn((next.Site, null), CountSite(next));
        EndTurn((next.Site, next.Network), CountNetwork(next));
        return next;
    }

    // The newest of the network with most of the site with most. It keeps at least as many places as the newcomer has then.
    bool TryDisplaceFor(Computation newcomer, int ofSite, int ofNetwork)
    {
        var (site, most) = _waiting.CountBy(waiting => waiting.Site).MaxBy(count => count.Value);
        var networks = _waiting.Where(waiting => waiting.Site == site).CountBy(waiting => waiting.Network).ToDictionary();
        var mostOfSite = networks.Values.Max();
        if (site == newcomer.Site ? mostOfSite <= ofNetwork + 1 : most <= ofSite + 1)
        {
            return false;
        }

        var last = _waiting.FindLast(waiting => networks.GetValueOrDefault(waiting.Network) == mostOfSite)!;
        _waiting.Remove(last);
        if (CountNetwork(last) == 0)
        {
            _turns.Remove((last.Site, last.Network));
        }

        last.Refuse();
        return true;
    }

    void EndTurn((string Site, string? Network) key, int left)
    {
        if (left == 0)
        {
            _turns.Remove(key);
        }
        else
        {
            _turns[key] = ++_lastTurn;
        }
    }

    int CountSite(Computation computation) => _waiting.Count(other => other.Site == computation.Site);

    int CountNetwork(Computation computation) => _waiting.Count(other => other.Network == computation.Network);
}
