namespace ControlPlane.Web.Usage;

/// <summary>
/// What the database has confirmed to this process of who delivers usage, for the minutes after, to be asked only while the database cannot be. A
/// credential that is revoked meanwhile is believed until its time is up: docs/decisions/0017.
/// </summary>
/// <param name="trust">How long after its last proof a credential is believed.</param>
/// <param name="time">The machine's: it guards the wire.</param>
sealed class VerifiedCallerCache(TimeSpan trust, TimeProvider time)
{
    /// <summary>Tenants by the hashes of their keys, in hexadecimal.</summary>
    public ExpiringCache<string, Guid> Keys { get; } = new(trust, time);

    /// <summary>The secrets of tenants that were valid when a signature was checked with them, and held.</summary>
    public ExpiringCache<Guid, IReadOnlyList<byte[]>> Secrets { get; } = new(trust, time);
}

/// <summary>Answers of the database that are believed for a while. At most twenty thousand; those not heard of for longest go first.</summary>
sealed class ExpiringCache<TKey, TValue>(TimeSpan trust, TimeProvider time)
    where TKey : notnull
{
    const int Most = 10_000;

    readonly Lock _gate = new();

    // When the new ones are full, they become the old ones, and the old ones go: no list to keep in order.
    Dictionary<TKey, Proof> _new = [], _old = [];

    public void Add(TKey key, TValue value)
    {
        lock (_gate)
        {
            _new[key] = new Proof(value, time.GetUtcNow());
            if (_new.Count == Most)
            {
                (_old, _new) = (_new, []);
            }
        }
    }

    /// <summary>The database says that it is not so, or no more.</summary>
    public void Remove(TKey key)
    {
        lock (_gate)
        {
            _new.Remove(key);
            _old.Remove(key);
        }
    }

    /// <returns>Whether it was proven a short while ago.</returns>
    public bool TryFind(TKey key, out TValue value)
    {
        lock (_gate)
        {
            if (!_new.TryGetValue(key, out var proof))
            {
                _old.TryGetValue(key, out proof);
            }

            value = proof.Value;
            return proof != default && time.GetUtcNow() - proof.At is var age && age >= TimeSpan.Zero && age < trust;
        }
    }

    readonly record struct Proof(TValue Value, DateTimeOffset At);
}
