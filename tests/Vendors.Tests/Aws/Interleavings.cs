using Amazon.SecretsManager;

namespace ControlPlane.Tests.Aws;

/// <summary>
/// Runs concurrent writers against one fake service in every possible order of their calls, and optionally with a crash of a writer at every point.
/// Each call waits for its turn.
/// </summary>
sealed class Interleavings(FakeSecretsManager aws, Func<IAmazonSecretsManager, int, Task> writer, int writers, int crashes)
{
    readonly List<int> _alternatives = [];
    readonly Turn[] _turns = [.. Enumerable.Range(0, writers).Select(_ => new Turn())];

    /// <param name="fresh">Creates the service in its initial state, and the check of the final state.</param>
    /// <returns>The number of orders.</returns>
    public static async Task<int> EveryAsync(
        Func<(FakeSecretsManager Aws, Func<IReadOnlyList<int>, Task> Check)> fresh, Func<IAmazonSecretsManager, int, Task> writer, int writers, int crashes)
    {
        var choices = new List<int>();
        for (var orders = 1; ; orders++)
        {
            var (aws, check) = fresh();
            var run = new Interleavings(aws, writer, writers, crashes);
            await check(await run.RunAsync(choices));

            // Depth-first: the next order takes the next alternative at the last point that has one left.
            var last = Enumerable.Range(0, choices.Count).LastOrDefault(point => choices[point] + 1 < run._alternatives[point], -1);
            if (last < 0)
            {
                return orders;
            }

            choices[last]++;
            choices.RemoveRange(last + 1, choices.Count - last - 1);
        }
    }

    /// <param name="choices">The alternative to take at each point; extended with first alternatives.</param>
    /// <returns>The writers that completed.</returns>
    async Task<IReadOnlyList<int>> RunAsync(List<int> choices)
    {
        var tasks = Enumerable.Range(0, writers).Select(w => writer(Client(w), w)).ToArray();
        var alive = Enumerable.Range(0, writers).ToList();
        for (var point = 0; ; point++)
        {
            await Task.WhenAll(alive.Select(w => Task.WhenAny(_turns[w].Arrived.Task, tasks[w])));
            var waiting = alive.Where(w => !tasks[w].IsCompleted).ToList();
            if (waiting.Count == 0)
            {
                await Task.WhenAll(alive.Select(w => tasks[w]));
                return alive;
            }

            var mayCrash = writers - alive.Count < crashes;
            _alternatives.Add(waiting.Count * (mayCrash ? 2 : 1));
            if (point == choices.Count)
            {
                choices.Add(0);
            }

            var chosen = waiting[choices[point] % waiting.Count];
            if (choices[point] >= waiting.Count)
            {
                alive.Remove(chosen);
                continue;
            }

            var turn = _turns[chosen];
            _turns[chosen] = new Turn();
            turn.Go.SetResult();
        }
    }

    IAmazonSecretsManager Client(int w) => Substitute.For<IAmazonSecretsManager>(async (_, request) =>
    {
        var turn = _turns[w];
        turn.Arrived.SetResult();
        await turn.Go.Task;
        return aws.Respond(request);
    });

    sealed class Turn
    {
        public TaskCompletionSource Arrived { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
        public TaskCompletionSource Go { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
