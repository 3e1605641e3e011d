using System.Threading.Channels;

namespace ControlPlane.Platform.Database;

/// <summary>
/// Lets concurrent small requests share a round trip and a commit: what arrives while one is under way goes together in the next. A request that
/// comes alone does not wait for company. Nothing is kept between trips: a request is answered after its commit, or fails with it. A trip that nobody
/// waits for any more is cancelled, so that one which hangs does not hold up those who come after it.
/// </summary>
public sealed class RequestBatcher<TRequest, TAnswer> : IAsyncDisposable
{
    readonly Channel<Waiting> _queue = Channel.CreateUnbounded<Waiting>();
    readonly Func<IReadOnlyList<TRequest>, CancellationToken, Task<IReadOnlyList<TAnswer>>> _trip;
    readonly CancellationTokenSource _stopping = new();
    readonly Task _runners;
    readonly int _maximum;

    /// <param name="trip">Answers the requests it is given, in their order.</param>
    /// <param name="concurrency">Trips under way at once.</param>
    /// <param name="maximum">Most requests in one trip.</param>
    public RequestBatcher(
        Func<IReadOnlyList<TRequest>, CancellationToken, Task<IReadOnlyList<TAnswer>>> trip, int concurrency = 2, int maximum = 128)
    {
        _trip = trip;
        _maximum = maximum;
        _runners = Task.WhenAll(Enumerable.Range(0, concurrency).Select(_ => Task.Run(RunAsync)));
    }

    /// <summary>A caller that gives up gets its cancellation at once; its request may still be carried out, with those of others.</summary>
    public async Task<TAnswer> RunAsync(TRequest request, CancellationToken ct)
    {
        var waiting = new Waiting(request, new TaskCompletionSource<TAnswer>(TaskCreationOptions.RunContinuationsAsynchronously), ct);
        await _queue.Writer.WriteAsync(waiting, ct);
        return await waiting.Answer.Task.WaitAsync(ct);
    }

    /// <summary>May be called again, as a container does for a service it has under two types.</summary>
    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await _stopping.CancelAsync();
        await _runners;
    }

    async Task RunAsync()
    {
        while (await _queue.Reader.WaitToReadAsync())
        {
            var batch = new List<Waiting>();
            while (batch.Count < _maximum && _queue.Reader.TryRead(out var waiting))
            {
                if (!waiting.GivenUp.IsCancellationRequested)
                {
                    batch.Add(waiting);
                }
            }

            // Both runners wake up for one request, and one of them comes too late for it.
            if (batch.Count > 0)
            {
                await AnswerAsync(batch);
            }
        }
    }

    async Task AnswerAsync(List<Waiting> batch)
    {
        var cancel = new CancellationTokenSource();
        await using var stop = _stopping.Token.Register(cancel.Cancel);
        var waitingStill = batch.Count;
        var givenUp = batch.ConvertAll(waiting => waiting.GivenUp.Register(() =>
        {
            if (Interlocked.Decrement(ref waitingStill) == 0)
            {
                cancel.CancelOnDedicatedThread();
            }
        }));
        try
        {
            var answers = await _trip([.. batch.Select(w => w.Request)], cancel.Token);
            foreach (var (waiting, answer) in batch.Zip(answers))
            {
                waiting.Answer.SetResult(answer);
            }
        }
        catch (Exception e)
        {
            // Not swallowed: everyone who waits gets it.
            foreach (var waiting in batch)
            {
                waiting.Answer.TrySetException(e);
            }
        }
        finally
        {
            givenUp.ForEach(registration => registration.Dispose());
        }
    }

    sealed record Waiting(TRequest Request, TaskCompletionSource<TAnswer> Answer, CancellationToken GivenUp);
}
