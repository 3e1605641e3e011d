using System.Collections.Concurrent;

namespace ControlPlane.Tests.Platform.Database;

public class RequestBatcherTests
{
    [Fact]
    public async Task What_arrives_while_a_trip_is_under_way_goes_together_in_the_next()
    {
        var first = new TaskCompletionSource();
        var trips = new ConcurrentQueue<int[]>();
        await using var shared = new RequestBatcher<int, int>(
            async (numbers, _) =>
            {
                trips.Enqueue([.. numbers]);
                await first.Task;
                return [.. numbers.Select(number => number * 2)];
            },
            concurrency: 1);

        var alone = shared.RunAsync(1, default);
        await UntilAsync(() => trips.Count == 1);
        var others = Enumerable.Range(2, 5).Select(number => shared.RunAsync(number, default)).ToList();
        first.SetResult();

        Assert.Equal(2, await alone);
        var answers = await Task.WhenAll(others);
        Assert.Equal([4, 6, 8, 10, 12], answers);
        Assert.Equal([[1], [2, 3, 4, 5, 6]], trips);
    }

    [Fact]
    public async Task A_trip_that_nobody_waits_for_any_more_is_cancelled_and_the_next_one_goes()
    {
        var hangs = new TaskCompletionSource<CancellationToken>();
        await using var shared = new RequestBatcher<string, string>(
            async (requests, ct) =>
            {
                if (requests.Contains("hang"))
                {
                    hangs.SetResult(ct);
                    await Task.Delay(Timeout.Infinite, ct);
                }

                return requests;
            },
            concurrency: 1);
        using var gone = new CancellationTokenSource();

        var hung = shared.RunAsync("hang", gone.Token);
        var trip = await hangs.Task;
        Assert.False(trip.IsCancellationRequested);
        await gone.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => hung);
        Assert.Equal("after", await shared.RunAsync("after", default));
        Assert.True(trip.IsCancellationRequested);
    }

    [Fact]
    public async Task A_trip_that_somebody_waits_for_goes_on_and_who_gave_up_before_it_is_left_out()
    {
        var first = new TaskCompletionSource();
        var second = new TaskCompletionSource();
        var trips = new ConcurrentQueue<string[]>();
        await using var shared = new RequestBatcher<string, string>(
            async (requests, ct) =>
            {
                trips.Enqueue([.. requests]);
                await (requests.Contains("first") ? first : second).Task.WaitAsync(ct);
                return requests;
            },
            concurrency: 1);
        using var early = new CancellationTokenSource();
        using var late = new CancellationTokenSource();

        var waiting = shared.RunAsync("first", default);
        await UntilAsync(() => trips.Count == 1);
        var before = shared.RunAsync("gave up before", early.Token);
        var during = shared.RunAsync("gave up during", late.Token);
        var stays = shared.RunAsync("stays", default);
        await early.CancelAsync();
        first.SetResult();
        await UntilAsync(() => trips.Count == 2);
        await late.CancelAsync();
        second.SetResult();

        Assert.Equal("first", await waiting);
        Assert.Equal("stays", await stays);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => before);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => during);
        Assert.Equal([["first"], ["gave up during", "stays"]], trips);
    }

    [Fact]
    public async Task A_failure_is_everybodys_who_was_on_the_trip_and_nobody_elses()
    {
        await using var shared = new RequestBatcher<string, string>(
            (requests, _) => requests.Contains("bad") ? throw new InvalidOperationException("bad") : Task.FromResult(requests), concurrency: 1);

        await Assert.ThrowsAsync<InvalidOperationException>(() => shared.RunAsync("bad", default));
        Assert.Equal("good", await shared.RunAsync("good", default));
        await shared.DisposeAsync();
    }

    static async Task UntilAsync(Func<bool> condition)
    {
        while (!condition())
        {
            await Task.Delay(5);
        }
    }
}
