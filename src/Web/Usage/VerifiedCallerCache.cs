namespace ControlPlane.Web.Usage;

/// <summary>
/// Credentials of usage senders that the database has verified in this process. Used only while the database is unavailable. A credential that is
/// revoked in the meantime is accepted until its entry expires: docs/decisions/0017.
/// </summary>
/// <param name="timeToLive">How long a credential is accepted after its last verification.</param>
/// <param name="time">Wall-clock time, not the sandbox clock.</param>
sealed class VerifiedCallerCache(TimeSpan timeToLive, TimeProvider time)
{
    /// <summary>By key hash, in hexadecimal.</summary>
    public ExpiringCache<string, FoundKey> Keys { get; } = new(timeToLive, time);

    /// <summary>The webhook secrets a tenant had when one of its signatures was last found valid.</summary>
    public ExpiringCache<Guid, IReadOnlyList<byte[]>> Secrets { get; } = new(timeToLive, time);
}

/// <summary>Database answers with a time to live. Holds at most 20,000 entries; the least recently added are evicted first.</summary>
sealed class ExpiringCache<TKey, TValue>(TimeSpan timeToLive, TimeProvider time)
    where TKey : notnull
{
    const int GenerationSize = 10_000;

    readonly Lock _gate = new();

    // Two generations: when the new one is full it becomes the old one, and the old one is dropped. No ordered list is needed.
    Dictionary<TKey, Entry> _new = [], _old = [];

    public void Add(TKey key, TValue value)
    {
        lock (_gate)
        {
            _new[key] = new Entry(value, time.GetUtcNow());
            if (_new.Count == GenerationSize)
            {
                (_old, _new) = (_new, []);
            }
        }
    }

    /// <summary>Call it when the database no longer confirms the entry.</summary>
    public void Remove(TKey key)
    {
        lock (_gate)
        {
            _new.Remove(key);
            _old.Remove(key);
        }
    }

    /// <returns>Whether an entry exists that has not expired.</returns>
    public bool TryFind(TKey key, out TValue value)
    {
        lock (_gate)
        {
            if (!_new.TryGetValue(key, out var entry))
            {
                _old.TryGetValue(key, out entry);
            }

            value = entry.Value;
            return entry != default && time.GetUtcNow() - entry.AddedAt is var age && age >= TimeSpan.Zero && age < timeToLive;
        }
    }

    readonly record struct Entry(TValue Value, DateTimeOffset AddedAt);
}
