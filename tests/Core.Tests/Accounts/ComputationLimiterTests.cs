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
        var limiter = new ComputationLimiter(threads: 2, maxWaiting: 100, maxWaitingPerNetwork: 100);
        var (running, most) = (0, 0);
        await Task.WhenAll(Enumerable.Range(0, 20).Select(n => limiter.RunAsync("a", () =>
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
        var limiter = new ComputationLimiter(threads: 1, maxWaiting: 100, maxWaitingPerNetwork: 100);
        var order = new ConcurrentQueue<string>();
        var all = new List<Task<bool>> { HoldAsync(limiter, "busy") };
        foreach (var network in (string[])["busy", "busy", "busy", "other"])
        {
            all.Add(limiter.RunAsync(network, () => Add(order, network), default));
        }

        _release.Set();
        await Task.WhenAll(all);
        Assert.Equal(["busy", "other", "busy", "busy"], order);
    }

    [Fact]
    public async Task A_network_that_sends_too_many_is_refused_and_so_is_every_one_when_the_queue_is_full()
    {
        var limiter = new ComputationLimiter(threads: 1, maxWaiting: 3, maxWaitingPerNetwork: 2);
        var all = new List<Task<bool>> { HoldAsync(limiter, "a"), RunAsync("a"), RunAsync("a") };
        await Assert.ThrowsAsync<QueueFullException>(() => RunAsync("a"));
        all.Add(RunAsync("b"));
        await Assert.ThrowsAsync<QueueFullException>(() => RunAsync("c"));

        _release.Set();
        await Task.WhenAll(all);
        Assert.True(await RunAsync("a"));

        async Task<bool> RunAsync(string network) => await limiter.RunAsync(network, () => true, default);
    }

    [Fact]
    public async Task A_computation_whose_caller_has_cancelled_is_left_out_and_a_failure_is_its_callers_only()
    {
        var limiter = new ComputationLimiter(threads: 1, maxWaiting: 100, maxWaitingPerNetwork: 100);
        using var cancellation = new CancellationTokenSource();
        var (first, ran) = (HoldAsync(limiter, "a"), false);
        var cancelled = limiter.RunAsync("a", () => ran = true, cancellation.Token);
        var failing = limiter.RunAsync<bool>("a", () => throw new InvalidOperationException("wrong"), default);
        var last = limiter.RunAsync("a", () => true, default);
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
        var held = limiter.RunAsync(network, () =>
        {
            Volatile.Write(ref isStarted, true);
            return _release.Wait(TimeSpan.FromMinutes(1));
        }, default);
        SpinWait.SpinUntil(() => Volatile.Read(ref isStarted));
        return held;
    }

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
