using Amazon.SecretsManager;

namespace ControlPlane.Tests.Aws;

/// <summary>
/// Runs writers against one fake service in every order that their calls can come in: each call waits until it is its turn. With deaths, at
/// every point also the one where a writer never comes back.
/// </summary>
sealed class Interleavings(FakeSecretsManager aws, Func<IAmazonSecretsManager, int, Task> writer, int writers, int deaths)
{
    readonly List<int> _alternatives = [];
    readonly Turn[] _turns = [.. Enumerable.Range(0, writers).Select(_ => new Turn())];

    /// <returns>How many orders there were.</returns>
    /// <param name="fresh">The service as it is before, and what has to hold after.</param>
    public static async Task<int> EveryAsync(
        Func<(FakeSecretsManager Aws, Func<IReadOnlyList<int>, Task> Check)> fresh, Func<IAmazonSecretsManager, int, Task> writer, int writers, int deaths)
    {
        var choices = new List<int>();
        for (var orders = 1; ; orders++)
        {
            var (aws, check) = fresh();
            var run = new Interleavings(aws, writer, writers, deaths);
            await check(await run.RunAsync(choices));

            // The next order differs from this one in the last place where there was a choice left.
            var last = Enumerable.Range(0, choices.Count).LastOrDefault(point => choices[point] + 1 < run._alternatives[point], -1);
            if (last < 0)
            {
                return orders;
            }

            choices[last]++;
            choices.RemoveRange(last + 1, choices.Count - last - 1);
        }
    }

    /// <param name="choices">Which of the alternatives at each point; extended by the first of each where it ends.</param>
    /// <returns>The writers that came to their end.</returns>
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

            var mayDie = writers - alive.Count < deaths;
            _alternatives.Add(waiting.Count * (mayDie ? 2 : 1));
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
        return aws.Answer(request);
    });

    sealed class Turn
    {
        public TaskCompletionSource Arrived { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
        public TaskCompletionSource Go { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
