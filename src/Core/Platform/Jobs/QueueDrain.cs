namespace ControlPlane.Platform.Jobs;

/// <summary>Drains a queue: claims items one by one and processes several at once, so that a slow one delays only itself.</summary>
public static class QueueDrain
{
    /// <summary>How soon an item is found that becomes due while others are in progress.</summary>
    static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(200);

    /// <param name="claim">Returns the next item that may be processed besides those in progress; null when there is none.</param>
    /// <param name="process">Records the result of an item; failures that it throws end the run.</param>
    /// <returns>The results, once nothing is in progress and nothing can be claimed.</returns>
    public static async Task<IReadOnlyList<TResult>> RunAsync<TItem, TResult>(
        int concurrency, Func<IReadOnlyCollection<TItem>, Task<TItem?>> claim, Func<TItem, Task<TResult>> process, CancellationToken ct)
        where TItem : class
    {
        var (active, results) = (new Dictionary<Task<TResult>, TItem>(), new List<TResult>());
        try
        {
            while (true)
            {
                while (active.Count < concurrency && await claim(active.Values) is { } item)
                {
                    active.Add(process(item), item);
                }

                if (active.Count == 0)
                {
                    return results;
                }

                await Task.WhenAny([.. active.Keys, Task.Delay(PollInterval, ct)]);
                foreach (var finished in active.Keys.Where(task => task.IsCompleted).ToList())
                {
                    active.Remove(finished);
                    results.Add(await finished);
                }
            }
        }
        finally
        {
            // After a failure, the others still record their results. The failure that is thrown is the first one.
            await ((Task)Task.WhenAll(active.Keys)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
