using System.Collections.Concurrent;

namespace ControlPlane.Tests.Platform;

public class QueueDrainTests
{
    [Fact]
    public async Task A_slow_item_delays_no_other_and_items_that_become_due_meanwhile_are_found()
    {
        var (slow, last) = (new TaskCompletionSource(), new TaskCompletionSource());
        var queue = new ConcurrentQueue<string>(["slow", "a", "b"]);
        var run = QueueDrain.RunAsync<string, string>(2, _ => Task.FromResult(queue.TryDequeue(out var item) ? item : null), ProcessAsync, default);
        await last.Task;
        // While only the slow one is in progress.
        last = new TaskCompletionSource();
        queue.Enqueue("later");
        await last.Task;
        slow.SetResult();
        // Two tasks that end at the same moment are noticed in any order.
        Assert.Equal(["a", "b", "later", "slow"], (await run).Order());

        async Task<string> ProcessAsync(string item)
        {
            await (item == "slow" ? slow.Task : Task.CompletedTask);
            if (item is "b" or "later")
            {
                last.SetResult();
            }

            return item;
        }
    }

    [Fact]
    public async Task A_claim_sees_what_is_in_progress_and_never_more_than_the_maximum()
    {
        var (queue, most) = (new Queue<string>(Enumerable.Range(0, 20).Select(i => $"{i}")), 0);
        var results = await QueueDrain.RunAsync<string, string>(
            3,
            active =>
            {
                most = Math.Max(most, active.Count);
                return Task.FromResult(queue.TryDequeue(out var item) ? item : null);
            },
            async item =>
            {
                await Task.Yield();
                return item;
            },
            default);
        Assert.Equal(20, results.Count);
        Assert.Equal(2, most);
    }

    [Fact]
    public async Task After_a_failure_the_others_finish_and_the_failure_is_thrown()
    {
        var (queue, finished, proceed) = (new Queue<string>(["slow", "bad"]), false, new TaskCompletionSource());
        var run = QueueDrain.RunAsync<string, int>(2, _ => Task.FromResult(queue.TryDequeue(out var item) ? item : null), ProcessAsync, default);
        proceed.SetResult();
        Assert.Equal("bad", (await Assert.ThrowsAsync<InvalidOperationException>(() => run)).Message);
        Assert.True(finished);

        async Task<int> ProcessAsync(string item)
        {
            await proceed.Task;
            if (item == "bad")
            {
                throw new InvalidOperationException("bad");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50));
            finished = true;
            return 0;
        }
    }

    [Fact]
    public async Task A_cancelled_run_claims_nothing_more()
    {
        using var stop = new CancellationTokenSource();
        var claims = 0;
        var run = QueueDrain.RunAsync<string, int>(
            2,
            _ =>
            {
                stop.Token.ThrowIfCancellationRequested();
                return Task.FromResult(claims++ == 0 ? "hangs" : null);
            },
            async _ =>
            {
                await Task.Delay(Timeout.Infinite, stop.Token);
                return 0;
            },
            stop.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
        Assert.InRange(claims, 1, 2);
    }

    [Theory]
    [InlineData("550 5.1.1\r\nno\0 such user", "550 5.1.1no such user")]
    [InlineData("Grüße 😀", "Grüße 😀")]
    public void The_error_of_another_program_becomes_one_line_that_can_be_stored(string message, string text) => Assert.Equal(text, QueueRetries.ErrorText(message));

    [Fact]
    public void A_long_error_is_cut_between_characters() =>
        Assert.Equal(500, QueueRetries.ErrorText(string.Concat(Enumerable.Repeat("😀", 1_000))).EnumerateRunes().Count());
}
