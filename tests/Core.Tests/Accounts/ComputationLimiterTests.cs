using System.Collections.Concurrent;

namespace ControlPlane.Tests.Accounts;

public sealed class ComputationLimiterTests : IDisposable
{
    /// <summary>Set when the computation that holds the only thread may end.</summary>
    readonly ManualResetEventSlim _release = new();

    public void Dispose() => _release.Dispose();

    [Fact]
    public async Task No_more_computations_run_at_the_same_time_than_there_are_threads()
    {
        var limiter = new ComputationLimiter(threads: 2, places: 100, placesForKnown: 10, placesPerNetwork: 100);
        var (running, most) = (0, 0);
        await Task.WhenAll(Enumerable.Range(0, 20).Select(n => limiter.RunAsync("a", isKnown: false, () =>
        {
            InterlockedMax(ref most, Interlocked.Increment(ref running));
            Thread.Sleep(5);
            return Interlocked.Decrement(ref running);
        }, default)));
        Assert.InRange(most, 1, 2);
    }

    [Fact]
    public async Task A_network_with_many_computations_delays_another_one_by_one()
    {
        var limiter = Create(100, placesPerNetwork: 100);
        var order = new ConcurrentQueue<string>();
        var all = new List<Task<bool>> { HoldAsync(limiter, "busy") };
        foreach (var network in (string[])["busy", "busy", "busy", "other"])
        {
            all.Add(limiter.RunAsync(network, isKnown: false, () => Add(order, network), default));
        }

        _release.Set();
        await Task.WhenAll(all);
        Assert.Equal(["busy", "other", "busy", "busy"], order);
    }

    [Fact]
    public async Task A_network_that_sends_too_many_is_refused_and_one_with_few_gets_a_place_of_the_one_with_most()
    {
        var limiter = Create(places: 4, placesPerNetwork: 3);
        var held = HoldAsync(limiter, "a");
        var ofA = Enumerable.Range(0, 3).Select(_ => RunAsync(limiter, "a")).ToList();
        await Assert.ThrowsAsync<QueueFullException>(() => RunAsync(limiter, "a"));
        var others = new List<Task<bool>> { RunAsync(limiter, "b"), RunAsync(limiter, "c") };
        await Assert.ThrowsAsync<QueueFullException>(() => ofA[2]);
        // None has two more than this one would have.
        await Assert.ThrowsAsync<QueueFullException>(() => RunAsync(limiter, "b"));

        _release.Set();
        await Task.WhenAll([held, .. ofA[..2], .. others]);
        Assert.True(await RunAsync(limiter, "a"));
    }

    [Fact]
    public async Task Known_callers_have_places_of_their_own_and_every_second_turn()
    {
        var limiter = Create(places: 5, placesPerNetwork: 3, placesForKnown: 2);
        var order = new ConcurrentQueue<string>();
        var all = new List<Task<bool>> { HoldAsync(limiter, "a") };
        all.AddRange(((string[])["a", "b", "c"]).Select(network => limiter.RunAsync(network, isKnown: false, () => Add(order, "other"), default)));
        await Assert.ThrowsAsync<QueueFullException>(() => RunAsync(limiter, "d"));
        all.AddRange(((string[])["a", "d"]).Select(network => limiter.RunAsync(network, isKnown: true, () => Add(order, "known"), default)));
        await Assert.ThrowsAsync<QueueFullException>(() => limiter.RunAsync("e", isKnown: true, () => true, default));

        _release.Set();
        await Task.WhenAll(all);
        Assert.Equal(["other", "known", "other", "known", "other"], order);
    }

    [Fact]
    public async Task The_networks_of_one_IPv6_site_take_turns_and_places_together()
    {
        var limiter = Create(places: 4, placesPerNetwork: 1);
        var order = new ConcurrentQueue<string>();
        string[] site = ["2001:db8:1::/56", "2001:db8:1:100::/56", "2001:db8:1:200::/56", "2001:db8:1:300::/56"];
        var held = HoldAsync(limiter, "192.0.2.1");
        var ofSite = site.Select(network => limiter.RunAsync(network, isKnown: false, () => Add(order, "site"), default)).ToList();
        await Assert.ThrowsAsync<QueueFullException>(() => RunAsync(limiter, "2001:db8:1:400::/56"));
        var other = limiter.RunAsync("2001:db8:2::/56", isKnown: false, () => Add(order, "other"), default);
        await Assert.ThrowsAsync<QueueFullException>(() => ofSite[3]);

        _release.Set();
        await Task.WhenAll([held, other, .. ofSite[..3]]);
        Assert.Equal(["site", "other", "site", "site"], order);
    }

    [Fact]
    public async Task A_computation_whose_caller_has_cancelled_is_left_out_and_a_failure_is_its_callers_only()
    {
        var limiter = Create(100, placesPerNetwork: 100);
        using var cancellation = new CancellationTokenSource();
        var (first, ran) = (HoldAsync(limiter, "a"), false);
        var cancelled = limiter.RunAsync("a", isKnown: false, () => ran = true, cancellation.Token);
        var failing = limiter.RunAsync<bool>("a", isKnown: false, () => throw new InvalidOperationException("wrong"), default);
        var last = RunAsync(limiter, "a");
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);

        _release.Set();
        Assert.True(await first);
        await Assert.ThrowsAsync<InvalidOperationException>(() => failing);
        Assert.True(await last);
        Assert.False(ran);
    }

    /// <summary>Occupies a thread, and returns once it does.</summary>
    Task<bool> HoldAsync(ComputationLimiter limiter, string network)
    {
        var isStarted = false;
        var held = limiter.RunAsync(network, isKnown: false, () =>
        {
            Volatile.Write(ref isStarted, true);
            return _release.Wait(TimeSpan.FromMinutes(1));
        }, default);
        SpinWait.SpinUntil(() => Volatile.Read(ref isStarted));
        return held;
    }

    static ComputationLimiter Create(int places, int placesPerNetwork, int placesForKnown = 0) => new(threads: 1, places, placesForKnown, placesPerNetwork);

    static async Task<bool> RunAsync(ComputationLimiter limiter, string network) => await limiter.RunAsync(network, isKnown: false, () => true, default);

    static bool Add(ConcurrentQueue<string> order, string network)
    {
        order.Enqueue(network);
        return true;
    }

    static void InterlockedMax(ref int most, int value)
    {
        for (var seen = most; value > seen; seen = most)
        {
            Interlocked.CompareExchange(ref most, value, seen);
        }
    }
}
