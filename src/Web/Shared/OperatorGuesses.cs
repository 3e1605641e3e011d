using System.Collections.Concurrent;

namespace ControlPlane.Web.Shared;

/// <summary>
/// Slows down guessing at operators' keys: after some unknown keys from one network, it waits twice as long after each further one, up to a quarter of an
/// hour, and no other unknown key is looked up meanwhile. Keys that were right before do not wait: operators are not locked out by others behind their
/// address. Counted per process.
/// </summary>
/// <param name="free">Unknown keys without a delay.</param>
sealed class OperatorGuesses(TimeProvider time, int free)
{
    public const int DefaultFree = 5;

    const int MaximumNetworks = 10_000;
    const int MaximumKeys = 1_000;
    static readonly TimeSpan MaximumDelay = TimeSpan.FromMinutes(15);
    // Longer than the maximum delay, which would otherwise start again from one second.
    static readonly TimeSpan Memory = TimeSpan.FromHours(1);

    readonly ConcurrentDictionary<string, Failures> _networks = [];

    /// <summary>Hashes of keys that were right once. Whether they still are, the database says.</summary>
    readonly ConcurrentDictionary<string, bool> _knownKeys = [];

    /// <returns>How long this network has to wait before it tries this key; null when it may.</returns>
    public TimeSpan? DelayOf(string network, string key) =>
        !IsKnown(key) && _networks.TryGetValue(network, out var failures) && failures.Until - time.GetUtcNow() is { } left && left > TimeSpan.Zero ? left : null;

    /// <summary>Whether the key was right before.</summary>
    public bool IsKnown(string key) => _knownKeys.ContainsKey(HashOf(key));

    public void Failed(string network)
    {
        var now = time.GetUtcNow();
        if (_networks.Count >= MaximumNetworks)
        {
            // Bounds the memory; an attacker with that many networks gains a few attempts from each.
            _networks.Clear();
        }

        _networks.AddOrUpdate(network, _ => Next(0), (_, failures) => Next(now - failures.Last > Memory ? 0 : failures.Count));

        Failures Next(int before)
        {
            var excess = before + 1 - free;
            return new Failures(before + 1, now, excess <= 0 ? now : now + Delay(excess));
        }
    }

    public void Succeeded(string network, string key)
    {
        _networks.TryRemove(network, out _);
        if (_knownKeys.Count >= MaximumKeys)
        {
            _knownKeys.Clear();
        }

        _knownKeys[HashOf(key)] = true;
    }

    static string HashOf(string key) => Convert.ToHexString(Credentials.Hash(key));

    static TimeSpan Delay(int excess) => excess > 10 ? MaximumDelay : TimeSpan.FromSeconds(Math.Min(Math.Pow(2, excess - 1), MaximumDelay.TotalSeconds));

    readonly record struct Failures(int Count, DateTimeOffset Last, DateTimeOffset Until);
}
