using System.Collections.Concurrent;

namespace ControlPlane.Tests.Platform.Database;

public class RequestBatcherTests
{
    [Fact]
    public async Task Requests_that_arrive_while_a_batch_runs_share_the_next_one()
    {
        var first = new TaskCompletionSource();
        var batches = new ConcurrentQueue<int[]>();
        await using var batcher = new RequestBatcher<int, int>(
            async (numbers, _) =>
            {
                batches.Enqueue([.. numbers]);
                await first.Task;
                return [.. numbers.Select(number => number * 2)];
            });

        var single = batcher.RunAsync(1, default);
        await UntilAsync(() => batches.Count == 1);
        var others = Enumerable.Range(2, 5).Select(number => batcher.RunAsync(number, default)).ToList();
        first.SetResult();

        Assert.Equal(2, await single);
        var answers = await Task.WhenAll(others);
        Assert.Equal([4, 6, 8, 10, 12], answers);
        Assert.Equal([[1], [2, 3, 4, 5, 6]], batches);
    }

    [Fact]
    public async Task A_batch_is_cancelled_once_all_its_callers_have_cancelled_and_the_next_one_runs()
    {
        var started = new TaskCompletionSource<CancellationToken>();
        await using var batcher = new RequestBatcher<string, string>(
            async (requests, ct) =>
            {
                if (requests.Contains("hang"))
                {
                    started.SetResult(ct);
                    await Task.Delay(Timeout.Infinite, ct);
                }

                return requests;
            });
        using var caller = new CancellationTokenSource();

        var hung = batcher.RunAsync("hang", caller.Token);
        var batchToken = await started.Task;
        Assert.False(batchToken.IsCancellationRequested);
        await caller.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => hung);
        Assert.Equal("after", await batcher.RunAsync("after", default));
        Assert.True(batchToken.IsCancellationRequested);
    }

    [Fact]
    public async Task A_batch_continues_while_any_caller_waits_and_leaves_out_requests_cancelled_before_it_started()
    {
        var first = new TaskCompletionSource();
        var second = new TaskCompletionSource();
        var batches = new ConcurrentQueue<string[]>();
        await using var batcher = new RequestBatcher<string, string>(
            async (requests, ct) =>
            {
                batches.Enqueue([.. requests]);
                await (requests.Contains("first") ? first : second).Task.WaitAsync(ct);
                return requests;
            });
        using var early = new CancellationTokenSource();
        using var late = new CancellationTokenSource();

        var waiting = batcher.RunAsync("first", default);
        await UntilAsync(() => batches.Count == 1);
        var before = batcher.RunAsync("cancelled before", early.Token);
        var during = batcher.RunAsync("cancelled during", late.Token);
        var waits = batcher.RunAsync("waits", default);
        await early.CancelAsync();
        first.SetResult();
        await UntilAsync(() => batches.Count == 2);
        await late.CancelAsync();
        second.SetResult();

        Assert.Equal("first", await waiting);
        Assert.Equal("waits", await waits);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => before);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => during);
        Assert.Equal([["first"], ["cancelled during", "waits"]], batches);
    }

    [Fact]
    public async Task Senders_take_turns_when_more_requests_wait_than_a_batch_holds()
    {
        var first = new TaskCompletionSource();
        var batches = new ConcurrentQueue<string[]>();
        await using var batcher = new RequestBatcher<string, string>(
            async (requests, _) =>
            {
                batches.Enqueue([.. requests]);
                await first.Task;
                return requests;
            },
            maxBatchSize: 3,
            fairBy: request => request[0]);

        var started = batcher.RunAsync("a0", default);
        await UntilAsync(() => batches.Count == 1);
        string[] requests = ["a1", "a2", "a3", "a4", "b1", "c1", "c2"];
        var waiting = requests.Select(request => batcher.RunAsync(request, default)).ToList();
        first.SetResult();

        Assert.Equal("a0", await started);
        Assert.Equal(requests, await Task.WhenAll(waiting));
        Assert.Equal([["a0"], ["a1", "b1", "c1"], ["a2", "c2", "a3"], ["a4"]], batches);
    }

    [Fact]
    public async Task A_failed_batch_fails_only_its_own_callers()
    {
        await using var batcher = new RequestBatcher<string, string>(
            (requests, _) => requests.Contains("bad") ? throw new InvalidOperationException("bad") : Task.FromResult(requests));

        await Assert.ThrowsAsync<InvalidOperationException>(() => batcher.RunAsync("bad", default));
        Assert.Equal("good", await batcher.RunAsync("good", default));
        await batcher.DisposeAsync();
    }

    static async Task UntilAsync(Func<bool> condition)
    {
        while (!condition())
        {
            await Task.Delay(5);
        }
    }
}
