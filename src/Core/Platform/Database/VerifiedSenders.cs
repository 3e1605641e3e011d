using System.Collections.Concurrent;

namespace ControlPlane.Platform.Database;

/// <summary>
/// The tenants of senders that this process has verified. Where requests take turns (<see cref="RequestBatcher{TRequest, TAnswer}"/>), those of verified senders do so
/// by tenant and all others by network, because a client can invent any number of credentials. An entry allows nothing: credentials are checked with each request.
/// </summary>
public sealed class VerifiedSenders<TSender>
    where TSender : notnull
{
    const int Maximum = 100_000;

    readonly ConcurrentDictionary<TSender, Guid> _tenants = new();

    /// <returns>null when the sender has not been verified in this process.</returns>
    public Guid? TenantOf(TSender sender) => _tenants.TryGetValue(sender, out var tenant) ? tenant : null;

    /// <returns>What the sender's requests take turns by.</returns>
    public object TurnOf(TSender sender, string network) => TenantOf(sender) is { } tenant ? tenant : network;

    public void Add(TSender sender, Guid tenant)
    {
        if (_tenants.ContainsKey(sender))
        {
            return;
        }

        if (_tenants.Count >= Maximum)
        {
            _tenants.Clear();
        }

        _tenants[sender] = tenant;
    }

    /// <summary>The sender's credential is no longer valid.</summary>
    public void Remove(TSender sender) => _tenants.TryRemove(sender, out _);
}
