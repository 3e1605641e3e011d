namespace ControlPlane.Aws;

/// <summary>How long to wait before a call is repeated: doubling, and at random within that, so that those who collided do not collide again.</summary>
static class Backoff
{
    static readonly TimeSpan s_first = TimeSpan.FromMilliseconds(100);
    static readonly TimeSpan s_longest = TimeSpan.FromSeconds(5);

    /// <param name="attempt">The one that failed; the first is 1.</param>
    public static Task WaitAsync(int attempt, TimeProvider clock, CancellationToken ct)
    {
        var most = s_first * Math.Pow(2, attempt - 1);
        return Task.Delay((most < s_longest ? most : s_longest) * Random.Shared.NextDouble(), clock, ct);
    }
}
